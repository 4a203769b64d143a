#!lua flags=allow-oom
-- list-waiters: a page of the queue, in its order.
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
-- ARGV[6] after_arrival int    list what arrived after this number
-- ARGV[7] page_size  int
-- RETURN  page       more:bool items:strings
-- RETURN  semaphore_not_found
-- RETURN  again
-- Six strings a waiter: arrival, position, permits, since_ms, waited_ms, holder.
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
