-- USES settle, finish
-- For scripts that only look, which may be many and come every second: where nothing ran out or was lost and nobody was granted or dropped,
-- what is stored is true, and the file and the Redis replicas need not hear of the look.
local function finish_if_moved(semaphore)
  if expired_leases > 0 or moved > 0 or semaphore.is_mended then
    finish(semaphore)
  end
end
