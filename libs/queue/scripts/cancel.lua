-- SPDX-License-Identifier: Apache-2.0
-- ARGV: tenant, id, '1' when its row still has to be told, by whoever gets it next. Gives 0: it will not run, 1: not
-- here, 2: a worker has it or will have it, and hears of it.
local tenant, id, row_waits = ARGV[1], ARGV[2], ARGV[3] == '1'
local job = call('GETRANGE', job_key(id), 0, WITH_TENANT - 1)
if #job < WITH_TENANT or string.sub(job, HEAD_SIZE + 1) ~= tenant then return 1 end
local state, priority, lost, flags, percent, attempt, most, since, charged, owner = unpack_of(HEAD, job)
if state == 'D' then return 1 end
also_when_full()
if state == 'a' then
    -- Its worker looks for this several times a second; should it not, a heartbeat says the flag.
    call('ZADD', base .. 'stop', now, id)
    call('PEXPIRE', base .. 'stop', 60000)
    call('SETRANGE', job_key(id), 0, pack(HEAD, state, priority, lost, bit.bor(flags, UNWANTED), percent, attempt, most,
        since, charged, owner))
    return 2
end
if state == 'd' then
    call('ZREM', due, id)
    local it = tenant_of(tenant)
    it.delayed = math.max(0, it.delayed - 1)
end
if row_waits and not has(flags, KEPT) then
    call('SETRANGE', job_key(id), 0, pack(HEAD, 'w', priority, lost, bit.bor(flags, UNWANTED), percent, attempt, most,
        state == 'd' and now or since, charged, owner))
    if state == 'd' then
        line_up(tenant_of(tenant), priority, id, true)
        ring_bell()
    end
    save_tenants()
    save_place()
    return 2
end
-- A waiting job's id stays in its line, which is long; whoever comes to it finds no job and goes on.
if has(flags, UNIQUE) then unlock(id) end
if has(flags, NOTED) then call('HDEL', base .. 'note', id) end
call('DEL', job_key(id))
save_tenants()
return 0
