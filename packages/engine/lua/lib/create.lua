-- Fences go on where a removed semaphore's last one was ahead of the clock. What is not written here, `save` writes.
local function create_semaphore(semaphore, limit, bounded)
  semaphore.exists = true
  semaphore.limit = limit
  semaphore.bounded = bounded
  semaphore.fence = tonumber(redis.call('GET', fence_key) or 0)
  -- The keys of a semaphore end by times to live of their own, and an eviction asks nobody: what is left of one that is gone must not
  -- be counted as the new one's.
  redis.call('DEL', deadlines_key, leases_key, queue_key, waiters_key, replicas_key)
  redis.call(
    'HSET', state_key,
    'limit', limit, 'initial', limit, 'bounded', bounded and 1 or 0, 'configured', 0, 'arrivals', 0
  )
end
