-- SPDX-License-Identifier: Apache-2.0
-- ARGV: tenant, weight, most running (-1: the usual part of the slots), starts per second (0: any), burst, most
-- waiting, most kept, whether these are the rules of somebody without rules.
local it = tenant_of(ARGV[1])
local rate = tonumber(ARGV[4])
if rate > 0 and it.rate == 0 then it.tokens, it.filled = tonumber(ARGV[5]), now end
it.weight, it.cap, it.rate, it.burst = tonumber(ARGV[2]), tonumber(ARGV[3]), rate, tonumber(ARGV[5])
it.most_waiting, it.most_kept = tonumber(ARGV[6]), tonumber(ARGV[7])
it.tokens = math.min(it.tokens, it.burst)
it.flags = ARGV[8] == '1' and bit.band(it.flags, bit.bnot(RULED)) or bit.bor(it.flags, RULED)
if it.at == CAPPED or it.at == LIMITED then  -- its next visit tells whether it is held back again
    enter(it)
    ring_bell()
end
save_tenants()
return redis.status_reply('OK')
