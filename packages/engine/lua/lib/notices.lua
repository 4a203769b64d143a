-- USES attachments
-- What replicas are told (see parse-notice.ts). It may be lost: their heartbeat finds out the same.
-- A script may set `home` to the replica that runs it: what that one is told goes into told_home, for the reply (docs/adr/0011).
local home, told_home = nil, {}

local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end

local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end

local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
