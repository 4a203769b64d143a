-- USES clock
local now_ms = math.floor(now_us / 1000)
