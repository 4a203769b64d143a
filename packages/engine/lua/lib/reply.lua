-- Every reply starts with its tag and the number of leases this script found past their deadline.
local expired_leases = 0

local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
