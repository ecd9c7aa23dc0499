-- SPDX-License-Identifier: Apache-2.0
-- ARGV: tenant, id. Gives the job's state ('' when it is not here), its place in its tenant's line, how many tenants
-- come first, what holds the tenant back, for how long (ms, -1: until something changes), percent, note.
local tenant, id = ARGV[1], ARGV[2]
local job = call('GETRANGE', job_key(id), 0, WITH_TENANT - 1)
if #job < WITH_TENANT or string.sub(job, HEAD_SIZE + 1) ~= tenant then return {'', 0, 0, 0, 0, NO_PERCENT, ''} end
local state, priority, _, _, percent = unpack_of(HEAD, job)
local it = tenant_of(tenant)
local position, ahead, held_back, wait = 0, 0, 0, 0
if state == 'w' then
    local found = call('LPOS', list_key(tenant, priority), id, 'MAXLEN', 20000)
    if found then
        position = found + 1
        for p = 0, priority - 1 do position = position + it[p] end
    end
    ahead = call('ZRANK', ring, tenant) or 0
    local freed = call('ZSCORE', park, tenant)
    if freed then
        held_back = it.at
        wait = freed == 'inf' and -1 or math.max(0, tonumber(freed) - now)
    end
elseif state == 'd' then
    wait = math.max(0, tonumber(call('ZSCORE', due, id) or now) - now)
end
return {state, position, ahead, held_back, wait, percent, call('HGET', base .. 'note', id) or ''}
