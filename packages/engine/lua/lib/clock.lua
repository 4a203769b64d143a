-- The one reading of Redis's clock in a script: two readings of one script differed by 14 ms.
local clock_reading = redis.call('TIME')
local now_us = tonumber(clock_reading[1]) * 1000000 + tonumber(clock_reading[2])
