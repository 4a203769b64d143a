#!lua flags=allow-oom
-- list-leases: a page of what is held, in the order of deadlines, then fences.
-- A deadline never moves closer, so whoever pages on misses no lease that was held all the while.
-- USES reply, look
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
-- ARGV[6] after_deadline_ms int   list what comes after this deadline
-- ARGV[7] after_fence int      and this fence
-- ARGV[8] page_size  int
-- RETURN  page       more:bool items:strings
-- RETURN  semaphore_not_found
-- RETURN  again
-- The deadlines that can be on this page, whole groups of equal ones: their order by fence is known only when all are read.
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

-- Seven strings a lease: id, fence, permits, granted_at_ms, held_ms, deadline_ms, holder.
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
