-- SPDX-License-Identifier: Apache-2.0
-- Looks at a part of a place for what contradicts itself. ARGV: step, cursor, '1' to repair. Gives findings, next
-- step (0: done), its cursor. Reads the whole line of every tenant it meets: where 100 000 jobs wait in one, a call
-- takes a tenth of a second.
-- Steps: 1 what the common keys are, 2 leases, 3 delayed jobs, 4 dead jobs, 5 ring, 6 held-back tenants, 7 all keys,
-- 8 notes, 9 totals.
local step, cursor, repair = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
local COUNTED_DELAYED, COUNTED_TENANTS = 20000, 10000
local dead, note = base .. 'dead', base .. 'note'
local findings = {}

local function hex(id)
    return (string.gsub(id, '.', function(byte) return string.format('%02x', string.byte(byte)) end))
end
-- Also where there is something else than a string.
local function get(key)
    local value = redis.pcall('GET', key)
    return type(value) == 'string' and value or nil
end
local function find(text, id) findings[#findings + 1] = id and text .. ': ' .. hex(id) or text end

-- The head's fields, tenant and rest of a job; nil when it cannot be one.
local function read(job)
    if not job or #job < WITH_TENANT + 2 then return nil end
    local state, priority, _, flags = unpack_of(HEAD, job)
    if not string.find('wdaD', state, 1, true) or priority > 2 then return nil end
    local fine, _, kind = pcall(unpack_of, '<c16Bc0Bc0', string.sub(job, HEAD_SIZE + 1))
    if not fine or kind == '' then return nil end
    return {state = state, priority = priority, flags = flags, tenant = string.sub(job, HEAD_SIZE + 1, WITH_TENANT),
        rest = string.sub(job, HEAD_SIZE + 1)}
end

local lines = {}
local function is_in_line(tenant, priority, id)
    local key = list_key(tenant, priority)
    if not lines[key] then
        local line = {}
        for _, each in ipairs(call('LRANGE', key, 0, -1)) do line[each] = true end
        lines[key] = line
    end
    return lines[key][id]
end

-- How many of a set's jobs each tenant has.
local counts = {}
local function count_of(key, tenant)
    if not counts[key] then
        local count = {}
        for _, id in ipairs(call('ZRANGE', key, 0, -1)) do
            local whose = string.sub(get(job_key(id)) or '', HEAD_SIZE + 1, WITH_TENANT)
            count[whose] = (count[whose] or 0) + 1
        end
        counts[key] = count
    end
    return counts[key][tenant] or 0
end

local checked = {}
local function check_tenant(id)
    if checked[id] then return end
    checked[id] = true
    if #id ~= 16 then return end
    local stored = call('GET', base .. 'tn:' .. id)
    if stored and #stored ~= TENANT_SIZE then
        find('tenant cannot be read', id)
        stored = nil
    end
    local it = tenant_of(id)
    local function compare(field, is, what)
        if it[field] == is then return end
        find(string.format('tenant has %d %s jobs, says %d', is, what, it[field]), id)
        if repair then it[field] = is end
    end
    local waiting = 0
    for priority = 0, 2 do
        local is = call('LLEN', list_key(id, priority))
        waiting = waiting + is
        compare(priority, is, 'waiting')
    end
    compare('running', count_of(lease, id), 'running')
    if call('ZCARD', due) <= COUNTED_DELAYED then compare('delayed', count_of(due, id), 'delayed') end

    local at, until_ms = call('ZSCORE', ring, id), call('ZSCORE', park, id)
    if waiting == 0 and (at or until_ms or it.at ~= NOWHERE) then
        find('tenant without waiting jobs is in line', id)
        if repair then
            call('ZREM', ring, id)
            call('ZREM', park, id)
            it.at = NOWHERE
        end
    elseif waiting > 0 and at and until_ms then
        find('tenant is in line and held back', id)
        if repair then
            call('ZREM', park, id)
            it.at, it.v = RUNNABLE, tonumber(at)
        end
    elseif waiting > 0 and not at and not until_ms then
        find('tenant with waiting jobs is not in line', id)
        if repair then enter(it) end
    elseif at and (it.at ~= RUNNABLE or math.abs(it.v - at) > 1) then
        find('tenant is in line elsewhere than it says', id)
        if repair then it.at, it.v = RUNNABLE, tonumber(at) end
    elseif until_ms and it.at ~= CAPPED and it.at ~= LIMITED then
        find('tenant is held back and does not say why', id)
        if repair then enter(it) call('ZREM', park, id) end
    elseif until_ms and it.at == CAPPED and it.running < cap_of(it) then
        find('tenant is held back by a cap that it does not reach', id)
        if repair then enter(it) end
    end
end

local function check_job(id)
    local stored = call('GET', job_key(id))
    local job = read(stored)
    if not job or #id ~= 16 then
        find('job cannot be read', id)
        if repair then call('DEL', job_key(id)) end
        return
    end
    check_tenant(job.tenant)
    local it = tenant_of(job.tenant)
    if job.state == 'w' and not is_in_line(job.tenant, job.priority, id) then
        find('waiting job is in no line', id)
        if repair then
            line_up(it, job.priority, id)
            lines[list_key(job.tenant, job.priority)][id] = true
        end
    elseif job.state == 'd' and not call('ZSCORE', due, id) then
        find('delayed job is never due', id)
        if repair then
            call('ZADD', due, now, id)
            it.delayed = it.delayed + 1
        end
    elseif job.state == 'a' and not call('ZSCORE', lease, id) then
        find('running job has no lease', id)
        if repair then  -- one that ends now
            call('ZADD', lease, now, id)
            it.running = it.running + 1
        end
    elseif job.state == 'D' and not call('ZSCORE', dead, id) then
        find('dead job is not among the dead', id)
        if repair then call('ZADD', dead, now, id) end
    end
    if has(job.flags, UNIQUE) and job.state ~= 'D' then
        local lock = lock_key(job.tenant, job.rest)
        local holder = call('GET', lock)
        if not holder then
            find('job does not hold its unique key', id)
            if repair then call('SET', lock, id) end
        end
    end
end

local function check_lock(key)
    local id = call('GET', key)
    local job = #id == 16 and read(get(job_key(id)))
    if job and job.state ~= 'D' and has(job.flags, UNIQUE) and lock_key(job.tenant, job.rest) == key then return end
    find('unique key of a job that is gone', id)
    if repair then call('DEL', key) end
end

local function check_set(key, state, what)
    local found = call('ZSCAN', key, cursor, 'COUNT', 200)
    for i = 1, #found[2], 2 do
        local id = found[2][i]
        local job = read(get(job_key(id)))
        if not job or job.state ~= state then
            find(what, id)
            if repair then call('ZREM', key, id) end
            if job then check_tenant(job.tenant) end
        end
    end
    return found[1]
end

local function check_tenants(key)
    local found = call('ZSCAN', key, cursor, 'COUNT', 200)
    for i = 1, #found[2], 2 do
        if #found[2][i] ~= 16 then
            find('not a tenant', found[2][i])
            if repair then call('ZREM', key, found[2][i]) end
        end
        check_tenant(found[2][i])
    end
    return found[1]
end

local COMMON = {ring = 'zset', due = 'zset', lease = 'zset', park = 'zset', wake = 'zset', dead = 'zset', m = 'string',
    note = 'hash', slots = 'hash', stop = 'zset', suspect = 'string'}

local function is_of_type(key, type)
    local is = call('TYPE', key).ok
    if is == type or is == 'none' then return is == type end
    find('a ' .. is .. ' where a ' .. type .. ' should be, ' .. string.gsub(string.sub(key, #base + 1), '[^%w:]', '?'))
    if repair then call('DEL', key) end
    return false
end

local function check_common()
    for name, type in pairs(COMMON) do is_of_type(base .. name, type) end
    local size = call('STRLEN', base .. 'm')
    if size ~= 0 and size ~= struct.size(PLACE) then
        find('the place cannot be read')
        if repair then call('DEL', base .. 'm') end
    end
    return '0'
end

local function check_keys()
    -- Reading a long line costs more than looking at many jobs.
    local many = math.max(500, math.min(20000, math.floor(place.waiting / 20)))
    local found = call('SCAN', cursor, 'MATCH', base .. '*', 'COUNT', many)
    for _, key in ipairs(found[2]) do
        local name = string.sub(key, #base + 1)
        local first, rest = string.match(name, '^(%l+):(.*)$')
        if first == 'j' then
            if is_of_type(key, 'string') then check_job(rest) end
        elseif first == 'tn' then
            if is_of_type(key, 'string') then check_tenant(rest) end
        elseif first == 'w' then
            if is_of_type(key, 'list') then check_tenant(string.sub(rest, 1, 16)) end
        elseif first == 'u' then
            if is_of_type(key, 'string') then check_lock(key) end
        elseif not COMMON[name] then
            find('unknown key ' .. string.gsub(name, '[^%w:]', '?'))
            if repair then call('DEL', key) end
        end
    end
    return found[1]
end

local function check_notes()
    local found = call('HSCAN', note, cursor, 'COUNT', 200)
    for i = 1, #found[2], 2 do
        local job = read(get(job_key(found[2][i])))
        if not job or not has(job.flags, NOTED) then
            find('note on a job that is gone', found[2][i])
            if repair then call('HDEL', note, found[2][i]) end
        end
    end
    return found[1]
end

local function check_totals()
    if call('ZCARD', ring) + call('ZCARD', park) > COUNTED_TENANTS then return '0' end
    local waiting = 0
    for _, key in ipairs({ring, park}) do
        for _, id in ipairs(call('ZRANGE', key, 0, -1)) do waiting = waiting + waiting_of(tenant_of(id)) end
    end
    if waiting ~= place.waiting then
        find(string.format('the place has %d waiting jobs, says %d', waiting, place.waiting))
        if repair then place.waiting = waiting end
    end
    return '0'
end

local STEPS = {
    check_common,
    function() return check_set(lease, 'a', 'lease of a job that does not run') end,
    function() return check_set(due, 'd', 'a job that is not delayed is due') end,
    function() return check_set(dead, 'D', 'a job that is not dead is among the dead') end,
    function() return check_tenants(ring) end,
    function() return check_tenants(park) end,
    check_keys, check_notes, check_totals,
}
if repair then also_when_full() end
cursor = STEPS[step]()
if repair then
    if #findings > 0 then ring_bell() end
    save_tenants()
    save_place()
end
return {findings, cursor ~= '0' and step or step < #STEPS and step + 1 or 0, cursor}
