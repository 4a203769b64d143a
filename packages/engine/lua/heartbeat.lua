#!lua flags=allow-oom
-- heartbeat: the replica lives; what became of each of its open requests, but for those that wait as they should.
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
-- ARGV[6] replica    string
-- ARGV[7] open_count int
-- ARGV[8] open       strings         lease id and attachment number of each open request, in turn
-- RETURN  alive      nearest_in_ms:int? exceptions:strings
-- Seven strings for each open request that does not simply wait: its index (from 0), then the lease it was granted, or "0" and
-- blanks when the store does not know the attachment.
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

-- Replicas not heard of for the grace are as good as not listed: drop them, or they would pile up.
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
