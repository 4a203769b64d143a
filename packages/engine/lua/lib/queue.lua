-- USES now, attachments, waiter, semaphore
-- When each replica with waiters was last heard of; read at most once.
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

-- From then on the waiter is dropped by whichever script meets it at the head.
local function grace_deadline_ms(waiter)
  return last_heartbeat_ms(waiter) + grace_ms
end

local function mark_replica_alive(replica)
  redis.call('HSET', replicas_key, replica, now_ms)
  if heartbeats then
    heartbeats[replica] = now_ms
  end
end

-- As it was looked up last: forgotten when it is changed, and when waiters are taken away.
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
