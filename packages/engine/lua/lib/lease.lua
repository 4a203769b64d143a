-- USES now
-- A lease and a waiter are one text each, the holder last because it may hold any character.
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end

-- As a reply or a notice says it: where numbers become text by themselves they keep 14 digits, and a fence has 16.
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end

local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end

-- Only how many permits, and since when: a third of the work.
local function unpack_grant(text)
  local permits, granted_at_ms = string.match(text, '^(%d+) %d+ %d+ (%d+)')
  return tonumber(permits), tonumber(granted_at_ms)
end

-- The lease with its deadline, or nil when the id holds nothing: held means now < deadline.
local function find_lease(lease_id)
  local deadline_ms = tonumber(redis.call('ZSCORE', deadlines_key, lease_id))
  if not deadline_ms or deadline_ms <= now_ms then
    return nil
  end
  local lease = unpack_lease(redis.call('HGET', leases_key, lease_id))
  lease.deadline_ms = deadline_ms
  return lease
end
