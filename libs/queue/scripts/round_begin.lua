-- SPDX-License-Identifier: Apache-2.0
-- KEYS: what is known of rounds over all tenants. ARGV: time a process has for one (ms), time between two (ms).
-- Gives 0: nothing to do, or it is another process' work; 1: this Redis is not the one it was, or has lost its
-- data; 2: it is time. Then this process' run of Redis.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local known = redis.call('HMGET', KEYS[1], 'run', 'busy', 'last')
if known[2] and tonumber(known[2]) > now then return {0, run} end
local why = 0
if known[1] ~= run then
    why = 1
elseif not known[3] or tonumber(known[3]) + tonumber(ARGV[2]) <= now then
    why = 2
end
if why > 0 then redis.call('HSET', KEYS[1], 'busy', string.format('%.0f', now + tonumber(ARGV[1]))) end
return {why, run}
