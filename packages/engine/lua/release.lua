#!lua flags=allow-oom
-- release: for each of these calls, a held lease's permits come back and the queue moves, or a waiter leaves the queue.
-- USES reply, leases, save
-- KEYS[1] state      hash: limit, initial, bounded, configured, used, fence, arrivals, nearest, lives_until, grants
-- KEYS[2] deadlines  zset lease id -> deadline (Redis ms)
-- KEYS[3] leases     hash lease id -> packed lease
-- KEYS[4] queue      zset lease id -> arrival number
-- KEYS[5] waiters    hash lease id -> packed waiter
-- KEYS[6] replicas   hash replica -> last heartbeat (Redis ms); only while somebody waits
-- KEYS[each] retired  string, there while the lease id is refused
-- ARGV[1] name       string
-- ARGV[2] channel    string      what a replica's id is appended to
-- ARGV[3] grace_ms   int
-- ARGV[4] idle_ms    int
-- ARGV[5] batch_max  int
-- ARGV[6] retire_ms  int
-- ARGV[7] home_replica string    whose notices come with the reply, behind those to the calls; empty: all are published
-- ARGV[each] lease_id   string
-- ARGV[each] retire     bool          refuse the id from now on, in whatever state it was
-- RETURN  released   permits:int held_ms:int
-- RETURN  cancelled  permits:int
-- RETURN  lease_not_held
local semaphore = load_semaphore()
local answers = {}

-- Nobody waits, nothing has run out and the ids hold: most calls. Those that come before any other are answered together, before the
-- functions of all other cases are made (see acquire.lua).
local function release_plain_calls()
  local lease_ids, leases = {}, {}
  for call = 1, calls do
    take(call)
    if retire or leases[lease_id] then
      break
    end
    lease_ids[call] = lease_id
    leases[lease_id] = true
  end
  local texts = #lease_ids > 0 and redis.call('HMGET', leases_key, unpack(lease_ids)) or {}
  local held = {}
  for call, text in ipairs(texts) do
    if not text then
      break
    end
    local permits, granted_at_ms = unpack_grant(text)
    held[call] = { permits = permits }
    answers[call] = reply('released', permits, now_ms - granted_at_ms)
  end
  if #held > 0 then
    remove_leases(semaphore, { unpack(lease_ids, 1, #held) }, held)
  end
end

if semaphore.used > 0 and is_settled(semaphore) then
  release_plain_calls()
  if #answers == calls then
    save(semaphore)
    return cjson.encode(answers)
  end
end

-- USES cancelled, finish
local function answer()
  local lease = semaphore.used > 0 and find_lease(lease_id)
  if lease then
    remove_leases(semaphore, { lease_id }, { lease })
    move_queue(semaphore)
    return reply('released', lease.permits, now_ms - lease.granted_at_ms)
  end
  local waiter = semaphore.waiting > 0 and find_waiter(lease_id)
  if waiter then
    remove_waiters(semaphore, { lease_id })
    tell_cancelled(lease_id, waiter.attachments)
    move_queue(semaphore)
    return reply('cancelled', waiter.permits)
  end
  return reply('lease_not_held')
end

home = home_replica
settle(semaphore)
for call = #answers + 1, calls do
  take(call)
  answers[call] = answer()
  -- A cancelled waiter is always remembered: an attempt of it that is still under way must not bring it back.
  if retire or answers[call][1] == 'cancelled' then
    redis.call('SET', retired_key, '', 'PX', retire_ms)
  end
end
finish(semaphore)
if #told_home > 0 then
  answers[calls + 1] = told_home
end
return cjson.encode(answers)
