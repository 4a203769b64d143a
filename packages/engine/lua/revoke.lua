#!lua flags=allow-oom
-- revoke: take a lease back, if the id still holds the lease with this fence.
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
-- ARGV[6] lease_id   string
-- ARGV[7] fence      int
-- RETURN  released   permits:int held_ms:int
-- RETURN  lease_not_held
local semaphore = load_semaphore()
settle(semaphore)
local lease = semaphore.used > 0 and find_lease(lease_id)
if not lease or lease.fence ~= fence then
  finish(semaphore)
  return reply('lease_not_held')
end
remove_leases(semaphore, { lease_id }, { lease })
move_queue(semaphore)
finish(semaphore)
return reply('released', lease.permits, now_ms - lease.granted_at_ms)
