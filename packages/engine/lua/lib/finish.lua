-- USES settle
local function first_deadline_ms()
  return tonumber(redis.call('ZRANGE', deadlines_key, 0, 0, 'WITHSCORES')[2])
end

-- When the queue can move by time alone: the first lease ends, or the head's grace is over. nil when nobody waits.
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), first_deadline_ms() or math.huge)
end

-- For a reply that refuses or queues: until the next moment at which trying again makes sense. Empty when there is none.
local function nearest_in_ms(semaphore)
  local nearest_ms = nearest_deadline_ms(semaphore) or first_deadline_ms()
  return nearest_ms and math.max(nearest_ms - now_ms, 0) or ''
end

-- Every key lives until the semaphore was idle for idle_ms, counted from its last deadline. A semaphore that an operator
-- defined stays.
local function put_off_idle_removal(semaphore)
  if semaphore.configured then
    return
  end
  local last = redis.call('ZRANGE', deadlines_key, -1, -1, 'WITHSCORES')
  local lives_ms = idle_ms + math.max(tonumber(last[2] or 0) - now_ms, 0)
  redis.call('PEXPIRE', state_key, lives_ms)
  if last[2] then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end

-- The last step of every script that changes a semaphore: writes it, and tells the replicas with waiters when the nearest
-- deadline came closer than they know.
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  redis.call(
    'HSET', state_key,
    'limit', semaphore.limit, 'used', semaphore.used, 'fence', string.format('%.0f', semaphore.fence),
    'arrivals', semaphore.arrivals, 'nearest', nearest_ms or ''
  )
  if semaphore.had_waiters and semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
  if semaphore.touched then
    put_off_idle_removal(semaphore)
  end
end
