-- SPDX-License-Identifier: Apache-2.0
-- KEYS: what is known of rounds over all tenants. ARGV: the run of Redis that this one was for.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'last', string.format('%.0f', now))
return redis.call('HDEL', KEYS[1], 'busy')
