-- USES now
-- The semaphore as a script works on it; `save_semaphore` (lib/finish) writes what changed.
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1] or 0),
    initial = tonumber(stored[2] or 0),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6] or 0),
    arrivals = tonumber(stored[7] or 0),
    -- what the replicas with waiters were last told, Redis ms
    told_ms = tonumber(stored[8]),
    waiting = 0,
    -- more expired leases or more grants than one script may do
    backlog = false,
    -- used in a way that puts its idle removal off
    touched = false,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end

local function largest_request(semaphore)
  return math.max(semaphore.limit, 1)
end
