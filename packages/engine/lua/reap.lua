#!lua flags=allow-oom
-- reap: let time pass: expire leases, drop dead waiters, grant what fits.
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
-- RETURN  reaped     nearest_in_ms:int?
local semaphore = load_semaphore()
settle(semaphore)
local answered = reply('reaped', (semaphore.backlog or semaphore.overdue > 0) and 0 or nearest_in_ms(semaphore))
finish(semaphore)
return answered
