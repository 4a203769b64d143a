#!lua
-- configure: define a semaphore, or change its limit; waiters that ask for more than it now has are refused.
-- USES reply, state, create, finish
-- KEYS[1] state      hash: limit, initial, bounded, configured, used, fence, arrivals, nearest, lives_until, grants
-- KEYS[2] deadlines  zset lease id -> deadline (Redis ms)
-- KEYS[3] leases     hash lease id -> packed lease
-- KEYS[4] queue      zset lease id -> arrival number
-- KEYS[5] waiters    hash lease id -> packed waiter
-- KEYS[6] replicas   hash replica -> last heartbeat (Redis ms); only while somebody waits
-- KEYS[7] fence      string, the last fence of a removed semaphore, if it was ahead of the clock
-- ARGV[1] name       string
-- ARGV[2] channel    string      what a replica's id is appended to
-- ARGV[3] grace_ms   int
-- ARGV[4] idle_ms    int
-- ARGV[5] batch_max  int
-- ARGV[6] limit      int
-- ARGV[7] bounded    string       1, 0, or empty: as it was, 1 if new
-- RETURN  created    limit:int bounded:bool used:int waiting:int oldest_wait_ms:int grants:int
-- RETURN  configured limit:int bounded:bool used:int waiting:int oldest_wait_ms:int grants:int
local function refuse_large_requests(semaphore)
  local stored = redis.call('HGETALL', waiters_key)
  local refused = {}
  for i = 1, #stored, 2 do
    if tonumber(string.match(stored[i + 1], '^%d+')) > largest_request(semaphore) then
      refused[#refused + 1] = stored[i]
    end
  end
  -- Many at once: one by one, 10,000 of them held Redis for a fifth of a second.
  for first = 1, #refused, 1000 do
    remove_waiters(semaphore, { unpack(refused, first, math.min(first + 999, #refused)) })
  end
  if #refused > 0 then
    tell_every_replica('check', name)
  end
end

local semaphore = load_semaphore()
settle(semaphore)
local existed = semaphore.exists
if existed then
  local lowered = limit < semaphore.limit
  semaphore.limit = limit
  if lowered and semaphore.waiting > 0 then
    refuse_large_requests(semaphore)
  end
else
  create_semaphore(semaphore, limit, true)
end
if bounded ~= '' then
  semaphore.bounded = bounded == '1'
end
redis.call('HSET', state_key, 'limit', limit, 'configured', 1, 'bounded', semaphore.bounded and 1 or 0)
-- Defined by an operator: it does not idle away any more.
for _, key in ipairs({ state_key, deadlines_key, leases_key, queue_key, waiters_key, replicas_key }) do
  redis.call('PERSIST', key)
end
semaphore.configured = true
move_queue(semaphore)
local answered = existed and reply('configured', state_of(semaphore)) or reply('created', state_of(semaphore))
finish(semaphore)
return answered
