// Made from lua/ by `npm run generate`. Not edited by hand: `npm run check:generated` would say so.
import { defineScript, defineScriptOfMany } from './define-script.js'

export const scripts = {
  acquire: defineScriptOfMany({
    name: 'acquire',
    sha1: '0adeada10cc394b0798f4ec8af25502ef98be1d7',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas', 'fence'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', queueMax: 'int' },
    each: { keys: ['retired'], args: { leaseId: 'string', permits: 'int', ttlMs: 'int', enqueue: 'bool', attachment: 'string', holder: 'string', createLimit: 'int', createBounded: 'bool', onConflict: 'string' } },
    replies: {
      granted: { fence: 'int', grantedAtMs: 'int', limitMismatch: 'int?' },
      held: { fence: 'int', ttlMs: 'int', grantedAtMs: 'int', deadlineMs: 'int', expiresInMs: 'int', limitMismatch: 'int?' },
      queued: { position: 'int', attachedAtMs: 'int', nearestInMs: 'int?', limitMismatch: 'int?' },
      busy: { limit: 'int', used: 'int', waiting: 'int', nearestInMs: 'int?' },
      semaphore_not_found: {},
      limit_conflict: { limit: 'int', bounded: 'bool' },
      permits_exceed_limit: { limit: 'int' },
      lease_id_conflict: { permits: 'int' },
      queue_full: { waiting: 'int' },
      wait_cancelled: {},
      again: {},
    },
    text: `#!lua
-- acquire
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local fence_key = KEYS[7]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local queue_max = tonumber(ARGV[6])
local each_call = cjson.decode(ARGV[7])
local calls = #each_call
local retired_keys = { unpack(KEYS, 8) }
local retired_key, lease_id, permits, ttl_ms, enqueue, attachment, holder, create_limit, create_bounded, on_conflict
local function take(call)
  retired_key = retired_keys[call]
  lease_id, permits, ttl_ms, enqueue, attachment, holder, create_limit, create_bounded, on_conflict = unpack(each_call[call])
end
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_lease(lease_id)
  local deadline_ms = tonumber(redis.call('ZSCORE', deadlines_key, lease_id))
  if not deadline_ms or deadline_ms <= now_ms then
    return nil
  end
  local lease = unpack_lease(redis.call('HGET', leases_key, lease_id))
  lease.deadline_ms = deadline_ms
  return lease
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function first_deadline_ms()
  return tonumber(redis.call('ZRANGE', deadlines_key, 0, 0, 'WITHSCORES')[2])
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function is_settled(semaphore)
  if semaphore.waiting > 0 or semaphore.used == 0 then
    return semaphore.waiting == 0
  end
  local first_ms = first_deadline_ms()
  return first_ms ~= nil and first_ms > now_ms
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function largest_request(semaphore)
  return math.max(semaphore.limit, 1)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local semaphore = load_semaphore()
local answers = {}
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
local function create_semaphore(semaphore, limit, bounded)
  semaphore.exists = true
  semaphore.limit = limit
  semaphore.bounded = bounded
  semaphore.fence = tonumber(redis.call('GET', fence_key) or 0)
  redis.call('DEL', deadlines_key, leases_key, queue_key, waiters_key, replicas_key)
  redis.call(
    'HSET', state_key,
    'limit', limit, 'initial', limit, 'bounded', bounded and 1 or 0, 'configured', 0, 'arrivals', 0
  )
end
local function has_attachment(set, attachment)
  return string.find(',' .. set .. ',', ',' .. attachment .. ',', 1, true) ~= nil
end
local function with_attachment(set, attachment)
  if has_attachment(set, attachment) then
    return set
  end
  return set .. ',' .. attachment
end
local function without_attachment(set, attachment)
  local rest = {}
  for each in string.gmatch(set, '[^,]+') do
    if each ~= attachment then
      rest[#rest + 1] = each
    end
  end
  if #rest == 0 then
    return '-'
  end
  return table.concat(rest, ',')
end
local function replica_of(attachment)
  return string.match(attachment, '^([^.]+)')
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function tell_cancelled(lease_id, set)
  for replica, numbers in pairs(numbers_by_replica(set)) do
    tell(replica, 'cancelled', name, lease_id, numbers)
  end
end
local function pack_waiter(waiter)
  return string.format(
    '%d %d %.0f %s %s',
    waiter.permits, waiter.ttl_ms, waiter.since_ms, waiter.attachments, waiter.holder
  )
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local function mark_replica_alive(replica)
  redis.call('HSET', replicas_key, replica, now_ms)
  if heartbeats then
    heartbeats[replica] = now_ms
  end
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function write_waiter(lease_id, waiter)
  if lease_id == head_id then
    head_id = nil
  end
  redis.call('HSET', waiters_key, lease_id, pack_waiter(waiter))
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function nearest_in_ms(semaphore)
  local nearest_ms = nearest_deadline_ms(semaphore) or next_deadline_ms()
  return nearest_ms and math.max(nearest_ms - now_ms, 0) or ''
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local function limit_mismatch()
  if create_limit < 0 or create_limit == semaphore.limit or create_limit == semaphore.initial then
    return ''
  end
  return semaphore.limit
end
local function queued()
  local position = redis.call('ZRANK', queue_key, lease_id) + 1
  local in_ms = nearest_in_ms(semaphore)
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
local function join_queue()
  if semaphore.waiting == 0 then
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
  answers[call] = is_put_off and reply('again') or answer()
  is_put_off = answers[call][1] == 'again'
end
finish(semaphore)
return cjson.encode(answers)
`,
  }),
  addPermits: defineScript({
    name: 'add-permits',
    sha1: 'bff4bb8eed949f54bf9984c43ad9e649b1f218ec',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas', 'grown'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', permits: 'int', limitMax: 'int', requestIdMs: 'int' },
    replies: {
      state: { limit: 'int', bounded: 'bool', used: 'int', waiting: 'int', oldestWaitMs: 'int', grants: 'int' },
      semaphore_not_found: {},
      released_too_many_times: { limit: 'int' },
      limit_too_large: { limit: 'int' },
    },
    text: `#!lua
-- add-permits
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local grown_key = KEYS[7]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local permits = tonumber(ARGV[6])
local limit_max = tonumber(ARGV[7])
local request_id_ms = tonumber(ARGV[8])
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local function state_of(semaphore)
  local oldest_wait_ms = 0
  if semaphore.waiting > 0 then
    local _, head = head_of_queue()
    oldest_wait_ms = math.max(now_ms - head.since_ms, 0)
  end
  return semaphore.limit, semaphore.bounded and 1 or 0, semaphore.used, semaphore.waiting, oldest_wait_ms,
    semaphore.grants
end
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local function answer(semaphore)
  if not semaphore.exists then
    return reply('semaphore_not_found')
  end
  if redis.call('EXISTS', grown_key) == 0 then
    if semaphore.bounded then
      return reply('released_too_many_times', semaphore.limit)
    end
    if semaphore.limit + permits > limit_max then
      return reply('limit_too_large', semaphore.limit)
    end
    redis.call('SET', grown_key, '', 'PX', request_id_ms)
    semaphore.limit = semaphore.limit + permits
    redis.call('HSET', state_key, 'limit', semaphore.limit)
    use_until(semaphore, now_ms)
    move_queue(semaphore)
  end
  return reply('state', state_of(semaphore))
end
local semaphore = load_semaphore()
settle(semaphore)
local answered = answer(semaphore)
finish(semaphore)
return answered
`,
  }),
  cancel: defineScript({
    name: 'cancel',
    sha1: '1bffc1f3b5bb4174ffa86f4a78ec3bf9073c7855',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', leaseId: 'string', attachment: 'string', unlessHeld: 'bool' },
    replies: {
      held: { permits: 'int', fence: 'int', ttlMs: 'int', grantedAtMs: 'int', deadlineMs: 'int', expiresInMs: 'int' },
      left: {},
      returned: {},
      detached: {},
      not_attached: {},
    },
    text: `#!lua flags=allow-oom
-- cancel
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local lease_id = ARGV[6]
local attachment = ARGV[7]
local unless_held = ARGV[8] == '1'
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_lease(lease_id)
  local deadline_ms = tonumber(redis.call('ZSCORE', deadlines_key, lease_id))
  if not deadline_ms or deadline_ms <= now_ms then
    return nil
  end
  local lease = unpack_lease(redis.call('HGET', leases_key, lease_id))
  lease.deadline_ms = deadline_ms
  return lease
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function remove_leases(semaphore, lease_ids, leases)
  for _, lease in ipairs(leases) do
    semaphore.used = semaphore.used - lease.permits
  end
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', deadlines_key, unpack(lease_ids))
  redis.call('HDEL', leases_key, unpack(lease_ids))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function has_attachment(set, attachment)
  return string.find(',' .. set .. ',', ',' .. attachment .. ',', 1, true) ~= nil
end
local function without_attachment(set, attachment)
  local rest = {}
  for each in string.gmatch(set, '[^,]+') do
    if each ~= attachment then
      rest[#rest + 1] = each
    end
  end
  if #rest == 0 then
    return '-'
  end
  return table.concat(rest, ',')
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function pack_waiter(waiter)
  return string.format(
    '%d %d %.0f %s %s',
    waiter.permits, waiter.ttl_ms, waiter.since_ms, waiter.attachments, waiter.holder
  )
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function write_waiter(lease_id, waiter)
  if lease_id == head_id then
    head_id = nil
  end
  redis.call('HSET', waiters_key, lease_id, pack_waiter(waiter))
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local function held(lease)
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
`,
  }),
  configure: defineScript({
    name: 'configure',
    sha1: 'f0820fe712efe6b9dc632ffc86fe9196e698f4fd',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas', 'fence'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', limit: 'int', bounded: 'string' },
    replies: {
      created: { limit: 'int', bounded: 'bool', used: 'int', waiting: 'int', oldestWaitMs: 'int', grants: 'int' },
      configured: { limit: 'int', bounded: 'bool', used: 'int', waiting: 'int', oldestWaitMs: 'int', grants: 'int' },
    },
    text: `#!lua
-- configure
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local fence_key = KEYS[7]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local limit = tonumber(ARGV[6])
local bounded = ARGV[7]
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function largest_request(semaphore)
  return math.max(semaphore.limit, 1)
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local function state_of(semaphore)
  local oldest_wait_ms = 0
  if semaphore.waiting > 0 then
    local _, head = head_of_queue()
    oldest_wait_ms = math.max(now_ms - head.since_ms, 0)
  end
  return semaphore.limit, semaphore.bounded and 1 or 0, semaphore.used, semaphore.waiting, oldest_wait_ms,
    semaphore.grants
end
local function create_semaphore(semaphore, limit, bounded)
  semaphore.exists = true
  semaphore.limit = limit
  semaphore.bounded = bounded
  semaphore.fence = tonumber(redis.call('GET', fence_key) or 0)
  redis.call('DEL', deadlines_key, leases_key, queue_key, waiters_key, replicas_key)
  redis.call(
    'HSET', state_key,
    'limit', limit, 'initial', limit, 'bounded', bounded and 1 or 0, 'configured', 0, 'arrivals', 0
  )
end
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local function refuse_large_requests(semaphore)
  local stored = redis.call('HGETALL', waiters_key)
  local refused = {}
  for i = 1, #stored, 2 do
    if tonumber(string.match(stored[i + 1], '^%d+')) > largest_request(semaphore) then
      refused[#refused + 1] = stored[i]
    end
  end
  for first = 1, #refused, 1000 do
    remove_waiters(semaphore, { unpack(refused, first, math.min(first + 999, #refused)) })
  end
  if #refused > 0 then
    tell_every_replica('check', name)
  end
end
local semaphore = load_semaphore()
settle(semaphore)
local existed = semaphore.exists
if existed then
  local lowered = limit < semaphore.limit
  semaphore.limit = limit
  if lowered and semaphore.waiting > 0 then
    refuse_large_requests(semaphore)
  end
else
  create_semaphore(semaphore, limit, true)
end
if bounded ~= '' then
  semaphore.bounded = bounded == '1'
end
redis.call('HSET', state_key, 'limit', limit, 'configured', 1, 'bounded', semaphore.bounded and 1 or 0)
for _, key in ipairs({ state_key, deadlines_key, leases_key, queue_key, waiters_key, replicas_key }) do
  redis.call('PERSIST', key)
end
semaphore.configured = true
move_queue(semaphore)
local answered = existed and reply('configured', state_of(semaphore)) or reply('created', state_of(semaphore))
finish(semaphore)
return answered
`,
  }),
  heartbeat: defineScript({
    name: 'heartbeat',
    sha1: 'a654fd610b6fd498a6d72047b055d145b362cfcb',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', replica: 'string', openCount: 'int', open: 'strings' },
    replies: {
      alive: { nearestInMs: 'int?', exceptions: 'strings' },
    },
    text: `#!lua flags=allow-oom
-- heartbeat
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local replica = ARGV[6]
local open_count = tonumber(ARGV[7])
local open_first = 8
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_lease(lease_id)
  local deadline_ms = tonumber(redis.call('ZSCORE', deadlines_key, lease_id))
  if not deadline_ms or deadline_ms <= now_ms then
    return nil
  end
  local lease = unpack_lease(redis.call('HGET', leases_key, lease_id))
  lease.deadline_ms = deadline_ms
  return lease
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function has_attachment(set, attachment)
  return string.find(',' .. set .. ',', ',' .. attachment .. ',', 1, true) ~= nil
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local function mark_replica_alive(replica)
  redis.call('HSET', replicas_key, replica, now_ms)
  if heartbeats then
    heartbeats[replica] = now_ms
  end
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function nearest_in_ms(semaphore)
  local nearest_ms = nearest_deadline_ms(semaphore) or next_deadline_ms()
  return nearest_ms and math.max(nearest_ms - now_ms, 0) or ''
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local exceptions = {}
local function add_exception(index, lease)
  local fields = { index, '0', '', '', '', '', '' }
  if lease then
    fields = {
      index, lease.permits, fence_text(lease), lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms,
      lease.deadline_ms - now_ms,
    }
  end
  for _, field in ipairs(fields) do
    exceptions[#exceptions + 1] = tostring(field)
  end
end
local function forget_dead_replicas()
  local stored = redis.call('HGETALL', replicas_key)
  for i = 1, #stored, 2 do
    if tonumber(stored[i + 1]) + grace_ms <= now_ms then
      redis.call('HDEL', replicas_key, stored[i])
    end
  end
end
local function look_up(semaphore, index)
  local lease_id = ARGV[open_first + 2 * index]
  local attachment = replica .. '.' .. ARGV[open_first + 2 * index + 1]
  local waiter = semaphore.waiting > 0 and find_waiter(lease_id)
  if waiter and has_attachment(waiter.attachments, attachment) then
    return
  end
  local lease = semaphore.used > 0 and find_lease(lease_id)
  if lease and not has_attachment(lease.attachments, attachment) then
    lease = nil
  end
  add_exception(index, lease)
end
local semaphore = load_semaphore()
if semaphore.waiting > 0 then
  mark_replica_alive(replica)
  forget_dead_replicas()
  use_until(semaphore, now_ms)
end
settle(semaphore)
for index = 0, open_count - 1 do
  look_up(semaphore, index)
end
local answered = reply('alive', nearest_in_ms(semaphore), unpack(exceptions))
finish(semaphore)
return answered
`,
  }),
  inspect: defineScript({
    name: 'inspect',
    sha1: '98d65e05a786a6653af55c59fc0f4f854415b93e',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int' },
    replies: {
      state: { limit: 'int', bounded: 'bool', used: 'int', waiting: 'int', oldestWaitMs: 'int', grants: 'int' },
      semaphore_not_found: {},
      again: {},
    },
    text: `#!lua flags=allow-oom
-- inspect
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local function state_of(semaphore)
  local oldest_wait_ms = 0
  if semaphore.waiting > 0 then
    local _, head = head_of_queue()
    oldest_wait_ms = math.max(now_ms - head.since_ms, 0)
  end
  return semaphore.limit, semaphore.bounded and 1 or 0, semaphore.used, semaphore.waiting, oldest_wait_ms,
    semaphore.grants
end
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local function finish_if_moved(semaphore)
  if expired_leases > 0 or moved > 0 or semaphore.is_mended then
    finish(semaphore)
  end
end
local semaphore = load_semaphore()
if not semaphore.exists then
  return reply('semaphore_not_found')
end
settle(semaphore)
local answered = semaphore.backlog and reply('again') or reply('state', state_of(semaphore))
finish_if_moved(semaphore)
return answered
`,
  }),
  listLeases: defineScript({
    name: 'list-leases',
    sha1: '320047ee91884e48b88996c8843d889e279f303c',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', afterDeadlineMs: 'int', afterFence: 'int', pageSize: 'int' },
    replies: {
      page: { more: 'bool', items: 'strings' },
      semaphore_not_found: {},
      again: {},
    },
    text: `#!lua flags=allow-oom
-- list-leases
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local after_deadline_ms = tonumber(ARGV[6])
local after_fence = tonumber(ARGV[7])
local page_size = tonumber(ARGV[8])
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local function finish_if_moved(semaphore)
  if expired_leases > 0 or moved > 0 or semaphore.is_mended then
    finish(semaphore)
  end
end
local function candidates()
  local ties = redis.call('ZCOUNT', deadlines_key, after_deadline_ms, after_deadline_ms)
  local last = redis.call(
    'ZRANGEBYSCORE', deadlines_key, after_deadline_ms, '+inf', 'WITHSCORES', 'LIMIT', ties + page_size, 1
  )
  return redis.call('ZRANGEBYSCORE', deadlines_key, after_deadline_ms, last[2] or '+inf', 'WITHSCORES')
end
local function read_candidates()
  local found = {}
  local stored = candidates()
  for i = 1, #stored, 2 do
    local lease = unpack_lease(redis.call('HGET', leases_key, stored[i]))
    lease.lease_id = stored[i]
    lease.deadline_ms = tonumber(stored[i + 1])
    if lease.deadline_ms > after_deadline_ms or lease.fence > after_fence then
      found[#found + 1] = lease
    end
  end
  table.sort(found, function(a, b)
    if a.deadline_ms ~= b.deadline_ms then
      return a.deadline_ms < b.deadline_ms
    end
    return a.fence < b.fence
  end)
  return found
end
local function page()
  local found = read_candidates()
  local items = {}
  for i = 1, math.min(page_size, #found) do
    local lease = found[i]
    for _, field in ipairs({
      lease.lease_id, fence_text(lease), lease.permits, lease.granted_at_ms,
      now_ms - lease.granted_at_ms, lease.deadline_ms, lease.holder,
    }) do
      items[#items + 1] = tostring(field)
    end
  end
  return reply('page', #found > page_size and 1 or 0, unpack(items))
end
local semaphore = load_semaphore()
if not semaphore.exists then
  return reply('semaphore_not_found')
end
settle(semaphore)
local answered = (semaphore.backlog or semaphore.overdue > 0) and reply('again') or page()
finish_if_moved(semaphore)
return answered
`,
  }),
  listWaiters: defineScript({
    name: 'list-waiters',
    sha1: 'db503333b81633671c39b3dbb367246a8751b2cf',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', afterArrival: 'int', pageSize: 'int' },
    replies: {
      page: { more: 'bool', items: 'strings' },
      semaphore_not_found: {},
      again: {},
    },
    text: `#!lua flags=allow-oom
-- list-waiters
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local after_arrival = tonumber(ARGV[6])
local page_size = tonumber(ARGV[7])
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local function finish_if_moved(semaphore)
  if expired_leases > 0 or moved > 0 or semaphore.is_mended then
    finish(semaphore)
  end
end
local function page()
  local stored = redis.call(
    'ZRANGEBYSCORE', queue_key, '(' .. string.format('%.0f', after_arrival), '+inf', 'WITHSCORES',
    'LIMIT', 0, page_size + 1
  )
  local first_position = stored[1] and redis.call('ZRANK', queue_key, stored[1]) + 1
  local items = {}
  for i = 1, math.min(page_size, #stored / 2) do
    local waiter = find_waiter(stored[2 * i - 1])
    for _, field in ipairs({
      stored[2 * i], first_position + i - 1, waiter.permits, waiter.since_ms, math.max(now_ms - waiter.since_ms, 0), waiter.holder,
    }) do
      items[#items + 1] = tostring(field)
    end
  end
  return reply('page', #stored / 2 > page_size and 1 or 0, unpack(items))
end
local semaphore = load_semaphore()
if not semaphore.exists then
  return reply('semaphore_not_found')
end
settle(semaphore)
local answered = semaphore.backlog and reply('again') or page()
finish_if_moved(semaphore)
return answered
`,
  }),
  marker: defineScript({
    name: 'marker',
    sha1: '8da5bcb1109a7b5042ab4f656f78f1965a8b07f7',
    keys: ['marker'],
    args: { seenId: 'string', newId: 'string', heldForMs: 'int', lastFence: 'int', guardMsMin: 'int' },
    replies: {
      marked: { id: 'string', guardMs: 'int', lost: 'bool' },
    },
    text: `#!lua flags=allow-oom
-- marker
local marker_key = KEYS[1]
local seen_id = ARGV[1]
local new_id = ARGV[2]
local held_for_ms = tonumber(ARGV[3])
local last_fence = tonumber(ARGV[4])
local guard_ms_min = tonumber(ARGV[5])
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local stored = redis.call('HMGET', marker_key, 'id', 'guarded_until')
local id = stored[1] or new_id
local guarded_until_ms = tonumber(stored[2] or 0)
local lost = seen_id ~= '' and id ~= seen_id
if not stored[1] then
  redis.call('HSET', marker_key, 'id', id)
end
if lost then
  local until_ms = math.max(now_ms + math.max(held_for_ms, guard_ms_min), math.floor(last_fence / 1000) + 1)
  guarded_until_ms = math.max(guarded_until_ms, until_ms)
  redis.call('HSET', marker_key, 'guarded_until', guarded_until_ms)
elseif stored[2] and guarded_until_ms <= now_ms then
  redis.call('HDEL', marker_key, 'guarded_until')
end
return reply('marked', id, math.max(guarded_until_ms - now_ms, 0), lost and 1 or 0)
`,
  }),
  reap: defineScript({
    name: 'reap',
    sha1: '028147e139d45cb17ac341414b9b09b378f7c2ba',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int' },
    replies: {
      reaped: { nearestInMs: 'int?' },
    },
    text: `#!lua flags=allow-oom
-- reap
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function nearest_in_ms(semaphore)
  local nearest_ms = nearest_deadline_ms(semaphore) or next_deadline_ms()
  return nearest_ms and math.max(nearest_ms - now_ms, 0) or ''
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
local semaphore = load_semaphore()
settle(semaphore)
local answered = reply('reaped', (semaphore.backlog or semaphore.overdue > 0) and 0 or nearest_in_ms(semaphore))
finish(semaphore)
return answered
`,
  }),
  release: defineScriptOfMany({
    name: 'release',
    sha1: '9832159d08a1af95443140b89004c1ce41078c51',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', retireMs: 'int', homeReplica: 'string' },
    each: { keys: ['retired'], args: { leaseId: 'string', retire: 'bool' } },
    replies: {
      released: { permits: 'int', heldMs: 'int' },
      cancelled: { permits: 'int' },
      lease_not_held: {},
    },
    text: `#!lua flags=allow-oom
-- release
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local retire_ms = tonumber(ARGV[6])
local home_replica = ARGV[7]
local each_call = cjson.decode(ARGV[8])
local calls = #each_call
local retired_keys = { unpack(KEYS, 7) }
local retired_key, lease_id, retire
local function take(call)
  retired_key = retired_keys[call]
  lease_id, retire = unpack(each_call[call])
end
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function unpack_grant(text)
  local permits, granted_at_ms = string.match(text, '^(%d+) %d+ %d+ (%d+)')
  return tonumber(permits), tonumber(granted_at_ms)
end
local function find_lease(lease_id)
  local deadline_ms = tonumber(redis.call('ZSCORE', deadlines_key, lease_id))
  if not deadline_ms or deadline_ms <= now_ms then
    return nil
  end
  local lease = unpack_lease(redis.call('HGET', leases_key, lease_id))
  lease.deadline_ms = deadline_ms
  return lease
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function first_deadline_ms()
  return tonumber(redis.call('ZRANGE', deadlines_key, 0, 0, 'WITHSCORES')[2])
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function is_settled(semaphore)
  if semaphore.waiting > 0 or semaphore.used == 0 then
    return semaphore.waiting == 0
  end
  local first_ms = first_deadline_ms()
  return first_ms ~= nil and first_ms > now_ms
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function remove_leases(semaphore, lease_ids, leases)
  for _, lease in ipairs(leases) do
    semaphore.used = semaphore.used - lease.permits
  end
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', deadlines_key, unpack(lease_ids))
  redis.call('HDEL', leases_key, unpack(lease_ids))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local semaphore = load_semaphore()
local answers = {}
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
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function tell_cancelled(lease_id, set)
  for replica, numbers in pairs(numbers_by_replica(set)) do
    tell(replica, 'cancelled', name, lease_id, numbers)
  end
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
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
  if retire or answers[call][1] == 'cancelled' then
    redis.call('SET', retired_key, '', 'PX', retire_ms)
  end
end
finish(semaphore)
if #told_home > 0 then
  answers[calls + 1] = told_home
end
return cjson.encode(answers)
`,
  }),
  remove: defineScript({
    name: 'remove',
    sha1: '1c424488e0fbda416e0c45743b565e11df5d8c6f',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas', 'fence'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', force: 'bool' },
    replies: {
      removed: {},
      semaphore_not_found: {},
      in_use: { used: 'int' },
      again: {},
    },
    text: `#!lua flags=allow-oom
-- remove
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local fence_key = KEYS[7]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local force = ARGV[6] == '1'
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
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
if semaphore.fence > now_us then
  local ahead_ms = math.ceil((semaphore.fence - now_us) / 1000)
  redis.call('SET', fence_key, string.format('%.0f', semaphore.fence), 'PX', ahead_ms + idle_ms)
end
return reply('removed')
`,
  }),
  renew: defineScriptOfMany({
    name: 'renew',
    sha1: '52f16f0377ba7d7bc59a18f33adc634e73af10da',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int' },
    each: { keys: [], args: { leaseId: 'string', ttlMs: 'int' } },
    replies: {
      renewed: { permits: 'int', fence: 'int', ttlMs: 'int', grantedAtMs: 'int', deadlineMs: 'int', expiresInMs: 'int' },
      lease_not_held: {},
    },
    text: `#!lua flags=allow-oom
-- renew
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local each_call = cjson.decode(ARGV[6])
local calls = #each_call
local lease_id, ttl_ms
local function take(call)
  lease_id, ttl_ms = unpack(each_call[call])
end
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_lease(lease_id)
  local deadline_ms = tonumber(redis.call('ZSCORE', deadlines_key, lease_id))
  if not deadline_ms or deadline_ms <= now_ms then
    return nil
  end
  local lease = unpack_lease(redis.call('HGET', leases_key, lease_id))
  lease.deadline_ms = deadline_ms
  return lease
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
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
`,
  }),
  revoke: defineScript({
    name: 'revoke',
    sha1: 'dcab00be7ab6ea46fb6a28711d33c326d22a28a8',
    keys: ['state', 'deadlines', 'leases', 'queue', 'waiters', 'replicas'],
    args: { name: 'string', channel: 'string', graceMs: 'int', idleMs: 'int', batchMax: 'int', leaseId: 'string', fence: 'int' },
    replies: {
      released: { permits: 'int', heldMs: 'int' },
      lease_not_held: {},
    },
    text: `#!lua flags=allow-oom
-- revoke
local state_key = KEYS[1]
local deadlines_key = KEYS[2]
local leases_key = KEYS[3]
local queue_key = KEYS[4]
local waiters_key = KEYS[5]
local replicas_key = KEYS[6]
local name = ARGV[1]
local channel = ARGV[2]
local grace_ms = tonumber(ARGV[3])
local idle_ms = tonumber(ARGV[4])
local batch_max = tonumber(ARGV[5])
local lease_id = ARGV[6]
local fence = tonumber(ARGV[7])
local expired_leases = 0
local function reply(tag, ...)
  return { tag, expired_leases, ... }
end
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
local now_ms = math.floor(now_us / 1000)
local function pack_lease(lease)
  return string.format(
    '%d %.0f %d %.0f %s %s',
    lease.permits, lease.fence, lease.ttl_ms, lease.granted_at_ms, lease.attachments, lease.holder
  )
end
local function fence_text(lease)
  return string.format('%.0f', lease.fence)
end
local function unpack_lease(text)
  local permits, fence, ttl_ms, granted_at_ms, attachments, holder =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    fence = tonumber(fence),
    ttl_ms = tonumber(ttl_ms),
    granted_at_ms = tonumber(granted_at_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_lease(lease_id)
  local deadline_ms = tonumber(redis.call('ZSCORE', deadlines_key, lease_id))
  if not deadline_ms or deadline_ms <= now_ms then
    return nil
  end
  local lease = unpack_lease(redis.call('HGET', leases_key, lease_id))
  lease.deadline_ms = deadline_ms
  return lease
end
local function load_semaphore()
  local stored = redis.call(
    'HMGET', state_key, 'limit', 'initial', 'bounded', 'configured', 'used', 'fence', 'arrivals', 'nearest',
    'lives_until', 'grants'
  )
  local semaphore = {
    exists = stored[1] ~= false,
    limit = tonumber(stored[1]),
    initial = tonumber(stored[2]),
    bounded = stored[3] == '1',
    configured = stored[4] == '1',
    used = tonumber(stored[5] or 0),
    fence = tonumber(stored[6]),
    arrivals = tonumber(stored[7] or 0),
    told_ms = tonumber(stored[8]),
    waiting = 0,
    backlog = false,
    overdue = 0,
    is_mended = false,
    lives_until_ms = tonumber(stored[9] or 0),
    grants = tonumber(stored[10] or 0),
    in_use_until_ms = nil,
  }
  if semaphore.exists then
    semaphore.waiting = redis.call('ZCARD', queue_key)
  end
  semaphore.has_lease_keys = semaphore.used > 0
  semaphore.has_queue_keys = semaphore.waiting > 0
  semaphore.had_waiters = semaphore.waiting > 0
  return semaphore
end
local function next_deadline_ms()
  return tonumber(
    redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  )
end
local function use_until(semaphore, until_ms)
  semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)
end
local function add_leases(semaphore, lease_ids, leases)
  local deadlines, texts = {}, {}
  for i, lease in ipairs(leases) do
    semaphore.fence = math.max(semaphore.fence + 1, now_us)
    semaphore.used = semaphore.used + lease.permits
    semaphore.grants = semaphore.grants + 1
    lease.fence = semaphore.fence
    lease.granted_at_ms = now_ms
    lease.deadline_ms = now_ms + lease.ttl_ms
    use_until(semaphore, lease.deadline_ms)
    deadlines[2 * i - 1], deadlines[2 * i] = lease.deadline_ms, lease_ids[i]
    texts[2 * i - 1], texts[2 * i] = lease_ids[i], pack_lease(lease)
  end
  redis.call('ZADD', deadlines_key, unpack(deadlines))
  redis.call('HSET', leases_key, unpack(texts))
end
local function remove_leases(semaphore, lease_ids, leases)
  for _, lease in ipairs(leases) do
    semaphore.used = semaphore.used - lease.permits
  end
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', deadlines_key, unpack(lease_ids))
  redis.call('HDEL', leases_key, unpack(lease_ids))
end
local function sum_of_permits(texts)
  local sum = 0
  for _, text in ipairs(texts) do
    sum = sum + tonumber(string.match(text, '^%d+'))
  end
  return sum
end
local function take_out_expired(semaphore, ids)
  semaphore.used = semaphore.used - sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  redis.call('ZREM', deadlines_key, unpack(ids))
  redis.call('HDEL', leases_key, unpack(ids))
  semaphore.has_lease_keys = semaphore.has_lease_keys and semaphore.used > 0
  expired_leases = #ids
end
local function permits_of_the_living(semaphore)
  local living = redis.call('ZCOUNT', deadlines_key, '(' .. now_ms, '+inf')
  if living == 0 or semaphore.used == redis.call('ZCARD', deadlines_key) then
    return living
  end
  if living <= batch_max then
    local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '(' .. now_ms, '+inf')
    return sum_of_permits(redis.call('HMGET', leases_key, unpack(ids)))
  end
end
local function expire_leases(semaphore)
  if semaphore.used == 0 then
    return
  end
  local ids = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now_ms, 'LIMIT', 0, batch_max + 1)
  local are_all = #ids <= batch_max
  ids[batch_max + 1] = nil
  if #ids > 0 then
    take_out_expired(semaphore, ids)
  end
  if are_all then
    return
  end
  local used = permits_of_the_living(semaphore)
  if not used then
    semaphore.backlog = true
    return
  end
  semaphore.overdue = semaphore.used - used
  semaphore.used = used
end
local function numbers_by_replica(set)
  local numbers = {}
  for replica, number in string.gmatch(set, '([^.,]+)%.(%d+)') do
    numbers[replica] = numbers[replica] and numbers[replica] .. ',' .. number or number
  end
  return numbers
end
local function unpack_waiter(text)
  local permits, ttl_ms, since_ms, attachments, holder = string.match(text, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    permits = tonumber(permits),
    ttl_ms = tonumber(ttl_ms),
    since_ms = tonumber(since_ms),
    attachments = attachments,
    holder = holder,
  }
end
local function find_waiter(lease_id)
  local text = redis.call('HGET', waiters_key, lease_id)
  return text and unpack_waiter(text) or nil
end
local heartbeats = nil
local function last_heartbeat_ms(waiter)
  if not heartbeats then
    heartbeats = {}
    local stored = redis.call('HGETALL', replicas_key)
    for i = 1, #stored, 2 do
      heartbeats[stored[i]] = tonumber(stored[i + 1])
    end
  end
  local last_ms = 0
  for replica in pairs(numbers_by_replica(waiter.attachments)) do
    last_ms = math.max(last_ms, heartbeats[replica] or 0)
  end
  return last_ms
end
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end
local head_id, head = nil, nil
local function head_of_queue()
  if not head_id then
    head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    head = head_id and find_waiter(head_id)
  end
  return head_id, head
end
local function remove_waiters(semaphore, lease_ids)
  head_id = nil
  semaphore.waiting = semaphore.waiting - #lease_ids
  semaphore.has_queue_keys = semaphore.has_queue_keys and semaphore.waiting > 0
  use_until(semaphore, now_ms)
  redis.call('ZREM', queue_key, unpack(lease_ids))
  redis.call('HDEL', waiters_key, unpack(lease_ids))
end
local home, told_home = nil, {}
local function tell(replica, ...)
  local notice = table.concat({ ... }, ' ')
  if replica == home then
    told_home[#told_home + 1] = notice
  else
    redis.call('PUBLISH', channel .. replica, notice)
  end
end
local function tell_granted(lease_id, lease)
  for replica, numbers in pairs(numbers_by_replica(lease.attachments)) do
    tell(
      replica, 'granted', name, lease_id, numbers, lease.permits, fence_text(lease),
      lease.ttl_ms, lease.granted_at_ms, lease.deadline_ms
    )
  end
end
local function tell_every_replica(...)
  for _, replica in ipairs(redis.call('HKEYS', replicas_key)) do
    tell(replica, ...)
  end
end
local function drop_halves(order_key, texts_key)
  local texts, whole = {}, {}
  if redis.call('EXISTS', order_key, texts_key) < 2 then
    redis.call('UNLINK', order_key, texts_key)
    return whole
  end
  local stored = redis.call('HGETALL', texts_key)
  for i = 1, #stored, 2 do
    texts[stored[i]] = stored[i + 1]
  end
  for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do
    if texts[lease_id] then
      whole[#whole + 1] = texts[lease_id]
      texts[lease_id] = nil
    else
      redis.call('ZREM', order_key, lease_id)
    end
  end
  for lease_id in pairs(texts) do
    redis.call('HDEL', texts_key, lease_id)
  end
  return whole
end
local function mend(semaphore)
  if semaphore.used > 0 then
    local deadlines = redis.call('ZCARD', deadlines_key)
    if deadlines == 0 or deadlines ~= redis.call('HLEN', leases_key) then
      semaphore.used = sum_of_permits(drop_halves(deadlines_key, leases_key))
      semaphore.is_mended = true
    end
  end
  if semaphore.waiting > 0 and semaphore.waiting ~= redis.call('HLEN', waiters_key) then
    semaphore.waiting = #drop_halves(queue_key, waiters_key)
    semaphore.is_mended = true
    tell_every_replica('check', name)
  end
  if semaphore.is_mended then
    semaphore.has_lease_keys, semaphore.has_queue_keys = false, false
    use_until(semaphore, now_ms)
  end
end
local moved = 0
local function move_queue(semaphore)
  while semaphore.waiting > 0 do
    local lease_id, waiter = head_of_queue()
    local dead = grace_deadline_ms(waiter) <= now_ms
    if not dead and semaphore.used + waiter.permits > semaphore.limit then
      return
    end
    if moved == batch_max then
      semaphore.backlog = true
      return
    end
    moved = moved + 1
    remove_waiters(semaphore, { lease_id })
    if not dead then
      add_leases(semaphore, { lease_id }, { waiter })
      tell_granted(lease_id, waiter)
    end
  end
end
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  local needed_ms = math.max(semaphore.in_use_until_ms, math.floor(semaphore.fence / 1000)) + idle_ms
  local is_empty = semaphore.used == 0 and semaphore.waiting == 0
  local pushes = needed_ms > semaphore.lives_until_ms
    or (is_empty and needed_ms + 2 * spare_ms < semaphore.lives_until_ms)
  if pushes then
    semaphore.lives_until_ms = needed_ms + spare_ms
  end
  local lives_ms = semaphore.lives_until_ms - now_ms
  if pushes then
    redis.call('PEXPIRE', state_key, lives_ms)
  end
  if semaphore.used > 0 and (pushes or not semaphore.has_lease_keys) then
    redis.call('PEXPIRE', deadlines_key, lives_ms)
    redis.call('PEXPIRE', leases_key, lives_ms)
  end
  if semaphore.waiting > 0 and (pushes or not semaphore.has_queue_keys) then
    redis.call('PEXPIRE', queue_key, lives_ms)
    redis.call('PEXPIRE', waiters_key, lives_ms)
    redis.call('PEXPIRE', replicas_key, lives_ms)
  end
end
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
local function nearest_deadline_ms(semaphore)
  if semaphore.waiting == 0 then
    return nil
  end
  if semaphore.backlog then
    return now_ms
  end
  local _, head = head_of_queue()
  return math.min(grace_deadline_ms(head), next_deadline_ms() or math.huge)
end
local function finish(semaphore)
  if not semaphore.exists then
    return
  end
  if not semaphore.had_waiters and semaphore.waiting == 0 then
    save(semaphore)
    return
  end
  local nearest_ms = nearest_deadline_ms(semaphore)
  if nearest_ms and semaphore.told_ms and nearest_ms < semaphore.told_ms then
    tell_every_replica('deadline', name, math.max(nearest_ms - now_ms, 0))
  end
  save(semaphore, 'arrivals', semaphore.arrivals, 'nearest', nearest_ms or '')
  if semaphore.waiting == 0 then
    redis.call('DEL', replicas_key)
  end
end
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
`,
  }),
}
