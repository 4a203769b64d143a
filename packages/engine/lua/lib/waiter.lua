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
