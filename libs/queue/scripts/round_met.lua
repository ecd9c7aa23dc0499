-- SPDX-License-Identifier: Apache-2.0
-- KEYS: what is known of rounds over all tenants. ARGV: a server of this Redis, who it says it is. Gives 1: it is
-- another one than it was, or new here: what it had is to be brought again, see round_begin.
local field = 'server:' .. ARGV[1]
if redis.call('HGET', KEYS[1], field) == ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], field, ARGV[2])
return redis.call('HDEL', KEYS[1], 'run')
