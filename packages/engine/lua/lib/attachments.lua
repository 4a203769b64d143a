-- A set of attachments as text: "r1.5,r2.9", or "-" when it is empty.
local function has_attachment(set, attachment)
  return string.find(',' .. set .. ',', ',' .. attachment .. ',', 1, true) ~= nil
end

-- To a waiter's set, which is never empty: with its last attachment the waiter goes.
local function with_attachment(set, attachment)
  if has_attachment(set, attachment) then
    return set
  end
  return set .. ',' .. attachment
end

local function without_attachment(set, attachment)
  local rest = {}
  for each in string.gmatch(set, '[^,]+') do
    if each ~= attachment then
      rest[#rest + 1] = each
    end
  end
  if #rest == 0 then
    return '-'
  end
  return table.concat(rest, ',')
end

local function replica_of(attachment)
  return string.match(attachment, '^([^.]+)')
end

-- replica -> "5,7": the numbers of its attachments in the set
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
