-- USES now, reply, lease, semaphore
-- The only three places where the number of permits held changes. Many leases of one script are two writes, not two each.
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    -- Above every fence before it, also after data loss: the clock is the floor (docs/spec.md, I5).
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end

local function remove_leases(semaphore, lease_ids, leases)
  for _, lease in ipairs(leases) do
    semaphore.used = semaphore.used - lease.permits
  end
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', deadlines_key, unpack(lease_ids))
  redis.call('HDEL', leases_key, unpack(lease_ids))
end

-- At most batch_max of them, so that 20,000 leases that end at once stall nobody; finds out whether any are left.
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local left = batch_max - expired_leases
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, left + 1)
  if #ids > left then
    semaphore.backlog = true
    ids[left + 1] = nil
  end
  if #ids == 0 then
    return
  end
  for _, text in ipairs(redis.call('HMGET', leases_key, unpack(ids))) do
    semaphore.used = semaphore.used - tonumber(string.match(text, '^%d+'))
  end
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = expired_leases + #ids
end
