-- USES now, semaphore
-- Keys end when the semaphore was idle for idle_ms, counted from its last deadline. Pushing that out on every use would be a
-- third of a grant's commands, so it is pushed a sixteenth further than needed, and left alone until that is used up; or until
-- the last lease is released so long before its deadline that the end would come much too late.
local function put_off_idle_removal(semaphore)
  if semaphore.configured or not semaphore.in_use_until_ms then
    return
  end
  local spare_ms = math.floor(idle_ms / 16)
  -- A fence ahead of the clock is needed until the clock has passed it.
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

-- Writes it, with more fields of its state where they are given.
local function save(semaphore, ...)
  put_off_idle_removal(semaphore)
  redis.call(
    'HSET', state_key,
    'used', semaphore.used + semaphore.overdue, 'fence', string.format('%.0f', semaphore.fence), 'lives_until', semaphore.lives_until_ms,
    'grants', semaphore.grants, ...
  )
end
