#!lua flags=allow-oom
-- marker: whose data this is; if not what a replica has seen, nothing is granted until what was lost has run out.
-- USES reply, now
-- KEYS[1] marker      hash: id, guarded_until (Redis ms; only while there is a guard), confirmed (not by scripts)
-- ARGV[1] seen_id     string    what this replica has seen; empty: nothing yet
-- ARGV[2] new_id      string    what this data is called if it has no name
-- ARGV[3] held_for_ms int       how long a lease that this replica knows of may still be held
-- ARGV[4] last_fence  int       the highest that it knows of
-- ARGV[5] guard_ms_min int
-- RETURN  marked     id:string guard_ms:int lost:bool
local stored = redis.call('HMGET', marker_key, 'id', 'guarded_until')
local id = stored[1] or new_id
local guarded_until_ms = tonumber(stored[2] or 0)
-- A replica that has seen nothing cannot tell a loss from a first start: it goes by what others wrote.
local lost = seen_id ~= '' and id ~= seen_id

if not stored[1] then
  redis.call('HSET', marker_key, 'id', id)
end
if lost then
  -- The fence only falls where the clock does, so the clock has to pass it. Never earlier than another replica said: each
  -- knows of other leases.
  local until_ms = math.max(now_ms + math.max(held_for_ms, guard_ms_min), math.floor(last_fence / 1000) + 1)
  guarded_until_ms = math.max(guarded_until_ms, until_ms)
  redis.call('HSET', marker_key, 'guarded_until', guarded_until_ms)
elseif stored[2] and guarded_until_ms <= now_ms then
  redis.call('HDEL', marker_key, 'guarded_until')
end
return reply('marked', id, math.max(guarded_until_ms - now_ms, 0), lost and 1 or 0)
