-- USES queue
-- The fields of every reply that shows a semaphore.
local function state_of(semaphore)
  local oldest_wait_ms = 0
  if semaphore.waiting > 0 then
    local _, head = head_of_queue()
    oldest_wait_ms = math.max(now_ms - head.since_ms, 0)
  end
  return semaphore.limit, semaphore.bounded and 1 or 0, semaphore.used, semaphore.waiting, oldest_wait_ms,
    semaphore.grants
end
