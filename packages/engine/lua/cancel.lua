#!lua flags=allow-oom
-- cancel: end one attachment and nothing else; only when it was the last does the waiter leave or the lease go back.
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
-- ARGV[7] attachment string    <replica>.<number>
-- ARGV[8] unless_held bool     a wait that is over gives way to the grant that raced it, or that another attempt got
-- RETURN  held       permits:int fence:int ttl_ms:int granted_at_ms:int deadline_ms:int expires_in_ms:int
-- RETURN  left
-- RETURN  returned
-- RETURN  detached
-- RETURN  not_attached
local function held(lease)
  -- Another attempt adopted it, or it was granted to another: this caller learns now that its id is held, so it adopts it too.
  if not has_attachment(lease.attachments, attachment) and lease.attachments ~= '-' then
    lease.attachments = '-'
    redis.call('HSET', leases_key, lease_id, pack_lease(lease))
  end
  return reply(
    'held', lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms,
    lease.deadline_ms - now_ms
  )
end

local function cancel_held(semaphore, lease)
  if unless_held then
    return held(lease)
  end
  if not has_attachment(lease.attachments, attachment) then
    return reply('not_attached')
  end
  lease.attachments = without_attachment(lease.attachments, attachment)
  if lease.attachments ~= '-' then
    redis.call('HSET', leases_key, lease_id, pack_lease(lease))
    return reply('detached')
  end
  remove_leases(semaphore, { lease_id }, { lease })
  move_queue(semaphore)
  return reply('returned')
end

local function cancel_waiting(semaphore, waiter)
  if not has_attachment(waiter.attachments, attachment) then
    return reply('not_attached')
  end
  waiter.attachments = without_attachment(waiter.attachments, attachment)
  if waiter.attachments ~= '-' then
    write_waiter(lease_id, waiter)
    -- Its liveness hangs on other replicas now, and so may the nearest deadline, which `finish` works out.
    return reply('detached')
  end
  remove_waiters(semaphore, { lease_id })
  move_queue(semaphore)
  return reply('left')
end

local function answer(semaphore)
  local lease = semaphore.used > 0 and find_lease(lease_id)
  if lease then
    return cancel_held(semaphore, lease)
  end
  local waiter = semaphore.waiting > 0 and find_waiter(lease_id)
  if waiter then
    return cancel_waiting(semaphore, waiter)
  end
  return reply('not_attached')
end

local semaphore = load_semaphore()
settle(semaphore)
local answered = answer(semaphore)
finish(semaphore)
return answered
