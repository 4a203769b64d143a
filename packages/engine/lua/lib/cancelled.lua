-- USES notices
local function tell_cancelled(lease_id, set)
  for replica, numbers in pairs(numbers_by_replica(set)) do
    tell(replica, 'cancelled', name, lease_id, numbers)
  end
end
