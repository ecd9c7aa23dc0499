-- SPDX-License-Identifier: Apache-2.0
-- KEYS: the hints. ARGV: how many at most, how long to hide them (ms): should whoever takes them die, they come
-- back then. Gives how many hints there are, the time until the next is due (ms; -1: none), then of each that
-- was taken: tenant, how late it is (ms), looks that are done, its score from now on.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.2f', now + 0.75), 'WITHSCORES',
                       'LIMIT', 0, ARGV[1])
local out = {}
for i = 1, #due, 2 do
    local score = tonumber(due[i + 1])
    local of = math.floor(score)
    local hidden = string.format('%.2f', now + tonumber(ARGV[2]) + score - of)
    redis.call('ZADD', KEYS[1], hidden, due[i])
    out[#out + 1] = due[i]
    out[#out + 1] = now - of
    out[#out + 1] = (score - of) * 4
    out[#out + 1] = hidden
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = first[2] and math.max(0, math.floor(tonumber(first[2])) - now) or -1
return {redis.call('ZCARD', KEYS[1]), wait, unpack(out)}
