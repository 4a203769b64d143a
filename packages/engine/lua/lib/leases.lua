-- USES now, reply, lease, semaphore
-- Where the number of permits held changes, and nowhere else but in mend.lua. Many leases of one script are two writes, not two each.
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

local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end

local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end

-- Permits of the leases that are not over; nil where finding out would be too much for one script.
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end

-- At most batch_max of them, so that 20,000 leases that end at once stall nobody. The others count no more either, though they stay for a
-- later script. Where it is not known how many permits they have, they must be taken out before anything is said of what is free.
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
