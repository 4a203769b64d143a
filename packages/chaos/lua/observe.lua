#!lua flags=no-writes
-- observe: one semaphore as it is, nothing settled: what a script of the service would find.
-- KEYS: state, deadlines, leases, queue, waiters
local time = redis.call('TIME')
return {
  time[1], time[2],
  redis.call('HMGET', KEYS[1], 'limit', 'used', 'fence'),
  redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'),
  redis.call('HGETALL', KEYS[3]),
  redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES'),
  redis.call('HGETALL', KEYS[5]),
}
