-- SPDX-License-Identifier: Apache-2.0
-- KEYS: the hints. ARGV: tenant, delay (ms), looks that are done, of each hint.
-- A score is a time (ms since 1970) plus a quarter for each look that is done. A hint never makes a look later
-- than it is, nor spares one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #ARGV, 3 do
    local due, done = now + tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local there = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or false)
    if there then
        local of_there = math.floor(there)
        due = math.min(due, of_there)
        done = math.min(done, (there - of_there) * 4)
    end
    redis.call('ZADD', KEYS[1], string.format('%.2f', due + done / 4), ARGV[i])
end
return #ARGV / 3
