#!lua flags=allow-oom
-- renew: for each of these calls, push a held lease's deadline out, or say that it is not held.
-- USES reply, finish
-- KEYS[1] state      hash: limit, initial, bounded, configured, used, fence, arrivals, nearest, lives_until, grants
-- KEYS[2] deadlines  zset lease id -> deadline (Redis ms)
-- KEYS[3] leases     hash lease id -> packed lease
-- KEYS[4] queue      zset lease id -> arrival number
-- KEYS[5] waiters    hash lease id -> packed waiter
-- KEYS[6] replicas   hash replica -> last heartbeat (Redis ms); only while somebody waits
-- ARGV[1] name       string
-- ARGV[2] channel    string      what a replica's id is appended to
-- ARGV[3] grace_ms   int
-- ARGV[4] idle_ms    int
-- ARGV[5] batch_max  int
-- ARGV[each] lease_id   string
-- ARGV[each] ttl_ms     int
-- RETURN  renewed    permits:int fence:int ttl_ms:int granted_at_ms:int deadline_ms:int expires_in_ms:int
-- RETURN  lease_not_held
local semaphore = load_semaphore()

local function answer()
  local lease = semaphore.used > 0 and find_lease(lease_id)
  if not lease then
    return reply('lease_not_held')
  end
  lease.deadline_ms = math.max(lease.deadline_ms, now_ms + ttl_ms)
  redis.call('ZADD', deadlines_key, lease.deadline_ms, lease_id)
  if lease.ttl_ms ~= ttl_ms then
    lease.ttl_ms = ttl_ms
    redis.call('HSET', leases_key, lease_id, pack_lease(lease))
  end
  use_until(semaphore, lease.deadline_ms)
  return reply(
    'renewed', lease.permits, fence_text(lease), lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms,
    lease.deadline_ms - now_ms
  )
end

settle(semaphore)
local answers = {}
for call = 1, calls do
  take(call)
  answers[call] = answer()
end
finish(semaphore)
return cjson.encode(answers)
