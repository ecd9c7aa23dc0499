-- SPDX-License-Identifier: Apache-2.0
-- KEYS: the hints. ARGV: tenant, its score since it was taken, delay of the next look (ms; -1: none), looks that
-- are done. Changes nothing when the tenant was hinted at meanwhile: that look is still to come.
local there = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not there or tonumber(there) ~= tonumber(ARGV[2]) then return 0 end
local delay = tonumber(ARGV[3])
if delay < 0 then return redis.call('ZREM', KEYS[1], ARGV[1]) end
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + delay
redis.call('ZADD', KEYS[1], string.format('%.2f', due + tonumber(ARGV[4]) / 4), ARGV[1])
return 1
