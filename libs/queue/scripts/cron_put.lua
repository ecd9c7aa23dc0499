-- SPDX-License-Identifier: Apache-2.0
-- KEYS: tenants, by the time at which they are to be looked at (ms since 1970). ARGV: 'nx' (those that nobody knows)
-- or 'xx' (those that are known); tenant, in how many ms, of each.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV, 2 do
    redis.call('ZADD', KEYS[1], ARGV[1], string.format('%.0f', now + ARGV[i + 1]), ARGV[i])
end
return #ARGV
