-- USES now
-- The semaphore as a script works on it; `finish` (or, where nobody waits, `save`) writes what changed.
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    -- what the replicas with waiters were last told, Redis ms
    told_ms = tonumber(stored[8]),
    waiting = 0,
    -- more expired leases or more grants than one script may do
    backlog = false,
    -- permits of leases that are over and not in used any more, but still in the keys: a later script takes them out
    overdue = 0,
    -- some of its keys were lost, and what is left was made to agree
    is_mended = false,
    -- when its keys end unless it is used, Redis ms
    lives_until_ms = tonumber(stored[9] or 0),
    -- how many leases it ever granted: no fence tells, for they follow the clock
    grants = tonumber(stored[10] or 0),
    -- set by whatever counts as a use: the deadline of a lease, or now
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  -- Whether these keys are there, with their time to live. Redis deletes what is empty: one made anew has none.
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end

local function first_deadline_ms()
  return tonumber(redis.call('ZRANGE', deadlines_key, 0, 0, 'WITHSCORES')[2])
end

-- Of the first lease that is not over.
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end

-- Nobody waits and no lease has run out or lost its deadline: settling would change nothing.
local function is_settled(semaphore)
  if semaphore.waiting > 0 or semaphore.used == 0 then
    return semaphore.waiting == 0
  end
  local first_ms = first_deadline_ms()
  return first_ms ~= nil and first_ms > now_ms
end

-- Puts the idle removal off.
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end

local function largest_request(semaphore)
  return math.max(semaphore.limit, 1)
end
