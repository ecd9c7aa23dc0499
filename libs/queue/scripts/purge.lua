-- SPDX-License-Identifier: Apache-2.0
-- Deletes some of a tenant's jobs. ARGV: tenant, step, cursor, '1' when this was done before. Gives how many, next
-- step (0: done), its cursor.
-- Steps: 1 lines, 2 delayed jobs, 3 running ones, 4 dead ones, 5 the tenant.
local tenant, step, cursor = ARGV[1], tonumber(ARGV[2]), ARGV[3]
-- Whoever has jobs here that are not dead has a record.
if ARGV[4] == '1' and step == 1 and call('EXISTS', base .. 'tn:' .. tenant) == 0 then return {0, 0, '0'} end
local it = tenant_of(tenant)
local deleted = 0

local function forget(id)
    local flags = string.byte(call('GETRANGE', job_key(id), 3, 3) or '', 1)
    if not flags then return end
    if has(flags, UNIQUE) then unlock(id) end
    if has(flags, NOTED) then call('HDEL', base .. 'note', id) end
    deleted = deleted + call('DEL', job_key(id))
end

local function purge_lines()
    for priority = 0, 2 do
        local ids = call('LPOP', list_key(tenant, priority), 100)
        if ids then
            for _, id in ipairs(ids) do
                if call('GETRANGE', job_key(id), 0, 0) == 'w' then forget(id) end
            end
            it[priority] = math.max(0, it[priority] - #ids)
            place.waiting = math.max(0, place.waiting - #ids)
            return 1
        end
        place.waiting = math.max(0, place.waiting - it[priority])
        it[priority] = 0
    end
    call('ZREM', ring, tenant)
    call('ZREM', park, tenant)
    it.at = NOWHERE
    return 2
end

-- `count`: how many of the tenant's are there; nil: nobody knows.
local function purge_set(key, state, count)
    if count == 0 then
        cursor = '0'
        return step + 1
    end
    local found = call('ZSCAN', key, cursor, 'COUNT', 100)
    for i = 1, #found[2], 2 do
        local id = found[2][i]
        local job = call('GETRANGE', job_key(id), 0, WITH_TENANT - 1)
        if string.sub(job, 1, 1) == state and string.sub(job, HEAD_SIZE + 1) == tenant then
            call('ZREM', key, id)
            if state == 'd' then it.delayed = math.max(0, it.delayed - 1) end
            if state == 'a' then it.running = math.max(0, it.running - 1) end
            forget(id)
        end
    end
    cursor = found[1]
    return cursor == '0' and step + 1 or step
end

also_when_full()
local next_step
if step == 1 then
    next_step = purge_lines()
elseif step == 2 then
    next_step = purge_set(due, 'd', it.delayed)
elseif step == 3 then
    next_step = purge_set(lease, 'a', it.running)
elseif step == 4 then
    next_step = purge_set(base .. 'dead', 'D')
else
    next_step = 0
    if it.at == NOWHERE and it.running == 0 and it.delayed == 0 then  -- else it has new jobs
        tenants[tenant] = nil
        call('DEL', base .. 'tn:' .. tenant)
    end
end
save_tenants()
save_place()
return {deleted, next_step, cursor}
