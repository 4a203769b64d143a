#!lua flags=allow-oom
-- remove: delete a semaphore; with leases held only when forced.
-- USES reply, finish
-- KEYS[1] state      hash: limit, initial, bounded, configured, used, fence, arrivals, nearest, lives_until, grants
-- KEYS[2] deadlines  zset lease id -> deadline (Redis ms)
-- KEYS[3] leases     hash lease id -> packed lease
-- KEYS[4] queue      zset lease id -> arrival number
-- KEYS[5] waiters    hash lease id -> packed waiter
-- KEYS[6] replicas   hash replica -> last heartbeat (Redis ms); only while somebody waits
-- KEYS[7] fence      string, the last fence where it was ahead of the clock
-- ARGV[1] name       string
-- ARGV[2] channel    string      what a replica's id is appended to
-- ARGV[3] grace_ms   int
-- ARGV[4] idle_ms    int
-- ARGV[5] batch_max  int
-- ARGV[6] force      bool
-- RETURN  removed
-- RETURN  semaphore_not_found
-- RETURN  in_use     used:int
-- RETURN  again
local semaphore = load_semaphore()
if not semaphore.exists then
  return reply('semaphore_not_found')
end
settle(semaphore)
if semaphore.used > 0 and not force then
  finish(semaphore)
  return semaphore.backlog and reply('again') or reply('in_use', semaphore.used)
end
tell_every_replica('check', name)
redis.call('UNLINK', state_key, deadlines_key, leases_key, queue_key, waiters_key, replicas_key)
-- The clock stepped back, or grants came faster than one a µs: the next fence must still be greater. A clock that stepped once may do so
-- again, so what it has passed is kept as long as the semaphore itself would have been.
if semaphore.fence > now_us then
  local ahead_ms = math.ceil((semaphore.fence - now_us) / 1000)
  redis.call('SET', fence_key, string.format('%.0f', semaphore.fence), 'PX', ahead_ms + idle_ms)
end
return reply('removed')
