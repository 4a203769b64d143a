#!lua flags=allow-oom
-- release: a held lease's permits come back and the queue moves; a waiter leaves the queue.
-- USES reply, leases, save
-- KEYS[1] state      hash: limit, initial, bounded, configured, used, fence, arrivals, nearest
-- KEYS[2] deadlines  zset lease id -> deadline (Redis ms)
-- KEYS[3] leases     hash lease id -> packed lease
-- KEYS[4] queue      zset lease id -> arrival number
-- KEYS[5] waiters    hash lease id -> packed waiter
-- KEYS[6] replicas   hash replica -> last heartbeat (Redis ms); only while somebody waits
-- KEYS[7] retired    string, there while the lease id is refused
-- ARGV[1] name       string
-- ARGV[2] channel    string      what a replica's id is appended to
-- ARGV[3] grace_ms   int
-- ARGV[4] idle_ms    int
-- ARGV[5] batch_max  int
-- ARGV[6] lease_id   string
-- ARGV[7] retire     bool          refuse the id from now on, in whatever state it was
-- ARGV[8] retire_ms  int
-- RETURN  released   permits:int held_ms:int
-- RETURN  cancelled  permits:int
-- RETURN  lease_not_held
local semaphore = load_semaphore()

-- Nobody waits and nothing has run out: most calls, answered before the functions of all other cases are made (see acquire.lua).
local held = not retire and semaphore.used > 0 and is_settled(semaphore) and redis.call('HGET', leases_key, lease_id)
if held then
  local lease = unpack_lease(held)
  remove_lease(semaphore, lease_id, lease)
  save(semaphore)
  return reply('released', lease.permits, now_ms - lease.granted_at_ms)
end

-- USES cancelled, finish
local function answer()
  local lease = semaphore.used > 0 and find_lease(lease_id)
  if lease then
    remove_lease(semaphore, lease_id, lease)
    settle(semaphore)
    return reply('released', lease.permits, now_ms - lease.granted_at_ms)
  end
  local waiter = semaphore.waiting > 0 and find_waiter(lease_id)
  if waiter then
    remove_waiter(semaphore, lease_id)
    tell_cancelled(lease_id, waiter.attachments)
    settle(semaphore)
    return reply('cancelled', waiter.permits)
  end
  return reply('lease_not_held')
end

settle(semaphore)
local answered = answer()
-- A cancelled waiter is always remembered: an attempt of it that is still under way must not bring it back.
if retire or answered[1] == 'cancelled' then
  redis.call('SET', retired_key, '', 'PX', retire_ms)
end
finish(semaphore)
return answered
