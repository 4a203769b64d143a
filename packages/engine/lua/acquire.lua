#!lua
-- acquire: grant, queue or refuse each of these calls; a repeat of a living id is answered with what it has.
-- USES reply, leases, save
-- KEYS[1] state      hash: limit, initial, bounded, configured, used, fence, arrivals, nearest, lives_until, grants
-- KEYS[2] deadlines  zset lease id -> deadline (Redis ms)
-- KEYS[3] leases     hash lease id -> packed lease
-- KEYS[4] queue      zset lease id -> arrival number
-- KEYS[5] waiters    hash lease id -> packed waiter
-- KEYS[6] replicas   hash replica -> last heartbeat (Redis ms); only while somebody waits
-- KEYS[7] fence      string, the last fence of a removed semaphore, if it was ahead of the clock
-- KEYS[each] retired  string, there while the lease id is refused
-- ARGV[1] name       string
-- ARGV[2] channel    string      what a replica's id is appended to
-- ARGV[3] grace_ms   int
-- ARGV[4] idle_ms    int
-- ARGV[5] batch_max  int
-- ARGV[6] queue_max  int
-- ARGV[each] lease_id   string
-- ARGV[each] permits    int
-- ARGV[each] ttl_ms     int
-- ARGV[each] enqueue    bool         whether to queue when it does not fit
-- ARGV[each] attachment string    <replica>.<number> of this request
-- ARGV[each] holder     string
-- ARGV[each] create_limit int     -1: use only what is there
-- ARGV[each] create_bounded bool
-- ARGV[each] on_conflict string   keep or error
-- RETURN  granted    fence:int granted_at_ms:int limit_mismatch:int?
-- RETURN  held       fence:int ttl_ms:int granted_at_ms:int deadline_ms:int expires_in_ms:int limit_mismatch:int?
-- RETURN  queued     position:int attached_at_ms:int nearest_in_ms:int? limit_mismatch:int?
-- RETURN  busy       limit:int used:int waiting:int nearest_in_ms:int?
-- RETURN  semaphore_not_found
-- RETURN  limit_conflict limit:int bounded:bool
-- RETURN  permits_exceed_limit limit:int
-- RETURN  lease_id_conflict permits:int
-- RETURN  queue_full waiting:int
-- RETURN  wait_cancelled
-- RETURN  again
local semaphore = load_semaphore()
local answers = {}

-- Nobody waits, nothing has run out, the ids are new and their permits are free: most calls. Those that come before any other are
-- granted together, before the functions of all other cases are made, which took a third of their time.
local function plain_calls()
  local lease_ids, leases = {}, {}
  local used = semaphore.used
  for call = 1, calls do
    take(call)
    used = used + permits
    local creates = create_limit >= 0 and (create_limit ~= semaphore.limit or create_bounded ~= semaphore.bounded)
    if creates or used > semaphore.limit or leases[lease_id] then
      break
    end
    lease_ids[call] = lease_id
    leases[lease_id] = { permits = permits, ttl_ms = ttl_ms, attachments = attachment, holder = holder }
  end
  return lease_ids, leases
end

local function grant_plain_calls()
  local lease_ids, leases = plain_calls()
  local known = semaphore.used > 0 and #lease_ids > 0 and redis.call('ZMSCORE', deadlines_key, unpack(lease_ids)) or {}
  local granted = {}
  for call, id in ipairs(lease_ids) do
    if known[call] then
      break
    end
    granted[call] = leases[id]
  end
  if #granted == 0 then
    return
  end
  add_leases(semaphore, lease_ids, granted)
  for call, lease in ipairs(granted) do
    answers[call] = reply('granted', fence_text(lease), now_ms, '')
  end
end

if semaphore.exists and is_settled(semaphore) and redis.call('EXISTS', unpack(retired_keys)) == 0 then
  grant_plain_calls()
  if #answers == calls then
    save(semaphore)
    return cjson.encode(answers)
  end
end

-- USES create, cancelled, finish
local function limit_mismatch()
  if create_limit < 0 or create_limit == semaphore.limit or create_limit == semaphore.initial then
    return ''
  end
  return semaphore.limit
end


local function queued()
  local position = redis.call('ZRANK', queue_key, lease_id) + 1
  local in_ms = nearest_in_ms(semaphore)
  -- The first who waits is told by this; should a later call of the turn bring the deadline closer, `finish` tells it.
  if not semaphore.told_ms and in_ms ~= '' then
    semaphore.told_ms = now_ms + in_ms
  end
  return reply('queued', position, now_ms, in_ms, limit_mismatch())
end

local function busy()
  return reply('busy', semaphore.limit, semaphore.used, semaphore.waiting, nearest_in_ms(semaphore))
end

local function repeat_held(lease)
  if lease.permits ~= permits then
    return reply('lease_id_conflict', lease.permits)
  end
  -- Adopted: from now on no closed request may give it back. But for the request that asks again (its notice was late): it
  -- is still the one that holds, and its caller may still close it.
  if not has_attachment(lease.attachments, attachment) and lease.attachments ~= '-' then
    lease.attachments = '-'
    redis.call('HSET', leases_key, lease_id, pack_lease(lease))
  end
  return reply(
    'held', fence_text(lease), lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms, lease.deadline_ms - now_ms,
    limit_mismatch()
  )
end

local function repeat_waiting(waiter)
  if waiter.permits ~= permits then
    return reply('lease_id_conflict', waiter.permits)
  end
  if not enqueue then
    remove_waiters(semaphore, { lease_id })
    tell_cancelled(lease_id, without_attachment(waiter.attachments, attachment))
    move_queue(semaphore)
    -- Also when a batch is not done: run again, it would be a newcomer, and might be granted what it did not come for.
    return busy()
  end
  waiter.attachments = with_attachment(waiter.attachments, attachment)
  write_waiter(lease_id, waiter)
  mark_replica_alive(replica_of(attachment))
  use_until(semaphore, now_ms)
  return queued()
end

local function refusal()
  if not semaphore.exists then
    if create_limit < 0 then
      return reply('semaphore_not_found')
    end
    if permits > math.max(create_limit, 1) then
      return reply('permits_exceed_limit', create_limit)
    end
    create_semaphore(semaphore, create_limit, create_bounded)
    return nil
  end
  if create_limit >= 0 then
    local another_limit = on_conflict == 'error' and limit_mismatch() ~= ''
    if another_limit or create_bounded ~= semaphore.bounded then
      return reply('limit_conflict', semaphore.limit, semaphore.bounded and 1 or 0)
    end
  end
  if permits > largest_request(semaphore) then
    return reply('permits_exceed_limit', semaphore.limit)
  end
end

-- Arrival is counted, not timed: a clock that steps back, or two arrivals in one ms, must not reorder the queue.
local function join_queue()
  if semaphore.waiting == 0 then
    -- Of a queue that was evicted: a later call of this turn would find itself there, and no place.
    redis.call('DEL', waiters_key)
  end
  semaphore.arrivals = semaphore.arrivals + 1
  semaphore.waiting = semaphore.waiting + 1
  semaphore.had_waiters = true
  use_until(semaphore, now_ms)
  redis.call('ZADD', queue_key, semaphore.arrivals, lease_id)
  write_waiter(lease_id, {
    permits = permits, ttl_ms = ttl_ms, since_ms = now_ms, attachments = attachment, holder = holder,
  })
  mark_replica_alive(replica_of(attachment))
  return queued()
end

local function newcomer()
  local refused = refusal()
  if refused then
    return refused
  end
  if semaphore.waiting == 0 and semaphore.used + permits <= semaphore.limit then
    local lease = { permits = permits, ttl_ms = ttl_ms, attachments = attachment, holder = holder }
    add_leases(semaphore, { lease_id }, { lease })
    return reply('granted', fence_text(lease), now_ms, limit_mismatch())
  end
  if semaphore.backlog then
    return reply('again')
  end
  if not enqueue then
    use_until(semaphore, now_ms)
    return busy()
  end
  if semaphore.waiting >= queue_max then
    return reply('queue_full', semaphore.waiting)
  end
  return join_queue()
end

local function answer()
  if redis.call('EXISTS', retired_key) == 1 then
    return reply('wait_cancelled')
  end
  local lease = semaphore.used > 0 and find_lease(lease_id)
  if lease then
    return repeat_held(lease)
  end
  -- A lease of this very id that is over but behind the batch: a new one in its place would hide its permits for ever.
  if (semaphore.backlog or semaphore.overdue > 0) and redis.call('ZSCORE', deadlines_key, lease_id) then
    return reply('again')
  end
  local waiter = semaphore.waiting > 0 and find_waiter(lease_id)
  if waiter then
    return repeat_waiting(waiter)
  end
  return newcomer()
end

settle(semaphore)
local is_put_off = false
for call = #answers + 1, calls do
  take(call)
  -- Behind one that must come again, so must the rest: they would overtake it.
  answers[call] = is_put_off and reply('again') or answer()
  is_put_off = answers[call][1] == 'again'
end
finish(semaphore)
return cjson.encode(answers)
