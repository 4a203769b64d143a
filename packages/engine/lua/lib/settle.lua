-- USES leases, queue, notices, mend
-- Waiters taken off the queue by this script: batch_max at most; the rest follow at once in another.
local moved = 0

-- Follows every change that makes room. Strictly the head: a big request that smaller ones behind it could overtake would never be served.
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

-- Begins every script: time has gone on, so leases past their deadline end, and the queue moves.
local function settle(semaphore)
  if semaphore.exists then
    mend(semaphore)
    expire_leases(semaphore)
    move_queue(semaphore)
  end
end
