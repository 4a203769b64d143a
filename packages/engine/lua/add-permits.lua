#!lua
-- add-permits: the counting semaphore's growing release; repeated with the same request id it changes nothing.
-- USES reply, state, finish
-- KEYS[1] state      hash: limit, initial, bounded, configured, used, fence, arrivals, nearest, lives_until, grants
-- KEYS[2] deadlines  zset lease id -> deadline (Redis ms)
-- KEYS[3] leases     hash lease id -> packed lease
-- KEYS[4] queue      zset lease id -> arrival number
-- KEYS[5] waiters    hash lease id -> packed waiter
-- KEYS[6] replicas   hash replica -> last heartbeat (Redis ms); only while somebody waits
-- KEYS[7] grown      string, there while the request id is remembered
-- ARGV[1] name       string
-- ARGV[2] channel    string      what a replica's id is appended to
-- ARGV[3] grace_ms   int
-- ARGV[4] idle_ms    int
-- ARGV[5] batch_max  int
-- ARGV[6] permits    int
-- ARGV[7] limit_max  int
-- ARGV[8] request_id_ms int    how long the request id is remembered
-- RETURN  state      limit:int bounded:bool used:int waiting:int oldest_wait_ms:int grants:int
-- RETURN  semaphore_not_found
-- RETURN  released_too_many_times limit:int
-- RETURN  limit_too_large limit:int
local function answer(semaphore)
  if not semaphore.exists then
    return reply('semaphore_not_found')
  end
  if redis.call('EXISTS', grown_key) == 0 then
    if semaphore.bounded then
      return reply('released_too_many_times', semaphore.limit)
    end
    if semaphore.limit + permits > limit_max then
      return reply('limit_too_large', semaphore.limit)
    end
    redis.call('SET', grown_key, '', 'PX', request_id_ms)
    semaphore.limit = semaphore.limit + permits
    redis.call('HSET', state_key, 'limit', semaphore.limit)
    use_until(semaphore, now_ms)
    move_queue(semaphore)
  end
  return reply('state', state_of(semaphore))
end

local semaphore = load_semaphore()
settle(semaphore)
local answered = answer(semaphore)
finish(semaphore)
return answered
