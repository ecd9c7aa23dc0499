-- SPDX-License-Identifier: Apache-2.0
-- ARGV: id, ticket of each job. A ticket: flags, priority, most attempts, delay (ms), what follows the head of
-- a job. Gives for each 0: queued, 1: known, 2: another has its unique key, 3: full.
local outcomes, lines, soonest = {}, {}, nil
local records, late = {}, {}  -- what is written in one command: jobs; of them those that are delayed
local fresh = {}              -- ids of jobs that are among the records

-- Mostly nobody knows any of them, which one command tells.
local any_known
do
    local keys = {}
    for i = 1, #ARGV, 2 do keys[#keys + 1] = job_key(ARGV[i]) end
    any_known = call('EXISTS', unpack(keys)) > 0
end

local function is_here(id) return fresh[id] or (any_known and call('EXISTS', job_key(id)) == 1) end

local function is_taken(id, tenant, rest)
    local lock = lock_key(tenant, rest)
    local holder = call('GET', lock)
    if holder and holder ~= id and (fresh[holder] or call('EXISTS', job_key(holder)) == 1) then return true end
    return false, lock  -- nobody's, or that of a job that is gone
end

local function push(id, ticket)
    local flags, priority, most, delay, from = unpack_of('<BBHI6', ticket)
    local rest = string.sub(ticket, from)
    local tenant = string.sub(rest, 1, 16)
    local it = tenant_of(tenant)
    -- What is due later takes nothing from what could begin now: a thousand retries of a dead receiver are not to
    -- hold up a mail.
    local here = delay > 0 and it.delayed or waiting_of(it)
    if here >= (has(flags, KEPT) and it.most_kept or it.most_waiting) then
        if is_here(id) then return 1 end
        if delay == 0 and not has(flags, KEPT) then it.flags = bit.bor(it.flags, MORE) end
        return 3
    end
    local lock
    if has(flags, UNIQUE) then
        local taken
        taken, lock = is_taken(id, tenant, rest)
        if taken then return 2 end
    end
    if is_here(id) then return 1 end
    local head = pack(HEAD, delay > 0 and 'd' or 'w', priority, 0, flags, NO_PERCENT, 0, most, now + delay, 0, NOBODY)
    fresh[id] = true
    records[#records + 1] = job_key(id)
    records[#records + 1] = head .. rest
    if lock then call('SET', lock, id) end
    if delay > 0 then
        late[#late + 1] = now + delay
        late[#late + 1] = id
        it.delayed = it.delayed + 1
        if not soonest or now + delay < soonest then soonest = now + delay end
        return 0
    end
    local name = tenant .. priority
    local line = lines[name]
    if not line then
        line = {it = it, priority = priority}
        lines[name] = line
    end
    line[#line + 1] = id
    it[priority] = it[priority] + 1
    return 0
end

for i = 1, #ARGV, 2 do outcomes[#outcomes + 1] = push(ARGV[i], ARGV[i + 1]) end
if #records > 0 then call('MSET', unpack(records)) end
if #late > 0 then call('ZADD', due, unpack(late)) end
for _, line in pairs(lines) do
    call('RPUSH', list_key(line.it.id, line.priority), unpack(line))
    place.waiting = place.waiting + #line
    if line.it.at == NOWHERE then enter(line.it) end
end
if next(lines) then ring_bell() end
if soonest then
    local first = call('ZRANGE', due, 0, 0, 'WITHSCORES')
    if tonumber(first[2]) >= soonest then call('ZADD', wake, soonest, 'due') end
end
save_tenants()
save_place()
return outcomes
