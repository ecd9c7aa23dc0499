-- SPDX-License-Identifier: Apache-2.0
-- KEYS: tenants, by the time at which they are to be looked at (ms since 1970). ARGV: how many at most, how long to
-- hide them (ms): should whoever takes them die, they come back then; the longest that anybody has to wait (ms).
-- Gives the tenants.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- A clock that was wrong has put them where nobody finds them.
local far = string.format('(%.0f', now + ARGV[3])
for _, tenant in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], far, '+inf', 'LIMIT', 0, 100)) do
    redis.call('ZADD', KEYS[1], string.format('%.0f', now), tenant)
end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[1])
for _, tenant in ipairs(due) do
    redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), tenant)
end
return due
