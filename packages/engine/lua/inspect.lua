#!lua flags=allow-oom
-- inspect: the semaphore as it is now. Not a use: it puts no idle removal off.
-- USES reply, state, look
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
-- RETURN  state      limit:int bounded:bool used:int waiting:int oldest_wait_ms:int grants:int
-- RETURN  semaphore_not_found
-- RETURN  again
local semaphore = load_semaphore()
if not semaphore.exists then
  return reply('semaphore_not_found')
end
settle(semaphore)
local answered = semaphore.backlog and reply('again') or reply('state', state_of(semaphore))
finish_if_moved(semaphore)
return answered
