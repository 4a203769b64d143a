-- USES settle, save
-- When the queue can move by time alone: the first lease ends, or the head's grace is over. nil when nobody waits.
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end

-- For a reply that refuses or queues: until the next moment at which trying again makes sense. Empty when there is none.
local function nearest_in_ms(semaphore)
  local nearest_ms = nearest_deadline_ms(semaphore) or next_deadline_ms()
  return nearest_ms and math.max(nearest_ms - now_ms, 0) or ''
end

-- The last step of every script that changes a semaphore: writes it, and tells the replicas with waiters when the nearest
-- deadline came closer than they know.
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
