-- USES attachments
-- What replicas are told (see parse-notice.ts). It may be lost: their heartbeat finds out the same.
local function tell(replica, ...)
  redis.call('PUBLISH', channel .. replica, table.concat({ ... }, ' '))
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
