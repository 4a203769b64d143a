-- USES leases, queue, notices
-- A lease is an entry of two keys, and so is a waiter. An eviction takes a whole key and asks nobody: an entry that has lost its other half
-- would count, or stand at the head of the queue, for ever. Returns the texts of those that are whole.
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end

local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    -- Whoever still wants what was dropped joins the queue again.
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    -- A key that was made anew has no end yet.
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
