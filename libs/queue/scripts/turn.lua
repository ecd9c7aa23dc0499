-- SPDX-License-Identifier: Apache-2.0
-- Settles jobs and hands out the next ones. ARGV: owner, wanted jobs, lease (ms), usual cost (us), slots (0: as
-- before), number of settlements; id, settlement of each: verdict, 1 counts + 2 ran, took (us), delay (ms), reason.
-- Gives: now; stale settlements; when to ask again (ms from now, -1: nothing is due); tenants of which more
-- waits in their database; id, job (as it was when it waited) of each that begins.
local owner, wanted, lease_for, usual_cost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slots, settled = tonumber(ARGV[5]), tonumber(ARGV[6])
local DONE, LATER, RELEASE, DEAD = 0, 1, 2, 3
local COUNTS, RAN = 1, 2
-- Jobs of a tenant in a row: less is fairer, more is faster. Who asks for many has jobs that take no time.
local QUANTUM = math.max(4, math.floor(wanted / 8))
local LEAST_COST = 100     -- us; handing out a job costs something too
local SLOTS_KNOWN = 20000  -- ms

local stale, gone, unleased = 0, {}, {}

also_when_full()
-- Virtual time stays where a double tells microseconds apart. This is decades of work away.
if place.vt > 1e15 then
    if call('EXISTS', ring) == 1 then call('ZUNIONSTORE', ring, 1, ring, 'WEIGHTS', 0) end
    place.epoch, place.vt, place.most = place.epoch + 1, 0, 0
end

-- Once in a while every process says how many slots it has; those of whom nothing was heard do not count.
if slots > 0 then
    call('HSET', base .. 'slots', owner, slots .. ' ' .. now)
    local said, sum = call('HGETALL', base .. 'slots'), 0
    for i = 1, #said, 2 do
        local number, at = string.match(said[i + 1], '^(%d+) (%d+)$')
        if number and now - at < SLOTS_KNOWN then
            sum = sum + number
        else
            call('HDEL', base .. 'slots', said[i])
        end
    end
    if sum > place.slots then
        place.slots = sum
        for _, id in ipairs(call('ZRANGEBYSCORE', park, '+inf', '+inf', 'LIMIT', 0, 100)) do uncap(tenant_of(id)) end
    end
    place.slots = sum
end

local function settle(id, settlement, job)
    if not job or #job < WITH_TENANT or unleased[id] then return false end
    local state, priority, lost, flags, percent, attempt, most, since, charged, own = unpack_of(HEAD, job)
    if state ~= 'a' or own ~= owner then return false end
    local verdict, told, took, delay, from = unpack_of('<BBI6I6', settlement)
    local it = tenant_of(string.sub(job, HEAD_SIZE + 1, WITH_TENANT))
    unleased[#unleased + 1] = id
    unleased[id] = true
    it.running = math.max(0, it.running - 1)
    if verdict ~= RELEASE or took > 0 then took = math.max(took, LEAST_COST) end
    charge(it, took - charged)
    if verdict ~= RELEASE and took > 0 then
        it.usual = it.usual > 0 and it.usual * 0.8 + took * 0.2 or took
    end
    if has(flags, KEPT) and has(flags, UNWANTED) then verdict = DONE end
    if verdict == DEAD and not has(flags, KEPT) then verdict = DONE end
    if verdict == DONE or verdict == DEAD then
        if has(flags, UNIQUE) then unlock(id) end
    end
    if verdict == DONE then
        if has(flags, NOTED) then call('HDEL', base .. 'note', id) end
        gone[#gone + 1] = job_key(id)
    elseif verdict == DEAD then
        flags = bury(id, flags, string.sub(settlement, from))
        call('SETRANGE', job_key(id), 0,
            pack(HEAD, 'D', priority, lost, flags, NO_PERCENT, attempt, most, now, 0, NOBODY))
    else
        if has(told, RAN) then lost = 0 end  -- it takes nobody down
        if verdict == RELEASE or not has(told, COUNTS) then attempt = math.max(0, attempt - 1) end
        local reason = string.sub(settlement, from)
        if #reason > 0 and has(flags, KEPT) then
            call('HSET', base .. 'note', id, reason)
            flags = bit.bor(flags, NOTED)
        end
        local when = verdict == LATER and now + delay or now
        call('SETRANGE', job_key(id), 0, pack(HEAD, verdict == LATER and 'd' or 'w', priority, lost, flags, NO_PERCENT,
            attempt, most, when, 0, NOBODY))
        if verdict == LATER then
            call('ZADD', due, when, id)
            it.delayed = it.delayed + 1
        else
            line_up(it, priority, id, true)
        end
    end
    uncap(it)
    return true
end

if settled > 0 then
    local keys = {}
    for i = 7, 5 + 2 * settled, 2 do keys[#keys + 1] = job_key(ARGV[i]) end
    local jobs = call('MGET', unpack(keys))
    for n = 1, settled do
        if not settle(ARGV[5 + 2 * n], ARGV[6 + 2 * n], jobs[n]) then stale = stale + 1 end
    end
end
if #gone > 0 then call('DEL', unpack(gone)) end
if #unleased > 0 then call('ZREM', lease, unpack(unleased)) end
move_charged()

-- What is due lines up; whom a rate held back may go on.
local ripe = call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 100)
if #ripe > 0 then
    call('ZREM', due, unpack(ripe))
    for _, id in ipairs(ripe) do
        local job = call('GETRANGE', job_key(id), 0, WITH_TENANT - 1)
        if #job == WITH_TENANT and string.sub(job, 1, 1) == 'd' then
            local it = tenant_of(string.sub(job, HEAD_SIZE + 1))
            it.delayed = math.max(0, it.delayed - 1)
            call('SETRANGE', job_key(id), 0, 'w')
            line_up(it, string.byte(job, 2), id)
        end
    end
end
for _, id in ipairs(call('ZRANGEBYSCORE', park, '-inf', now, 'LIMIT', 0, 50)) do enter(tenant_of(id)) end

local begun, leases, seen, want_more = {}, {}, {}, {}
local records = {}       -- jobs that begin, written in one command …
local SHORT = 512        -- … unless they are longer: then only what changes is
local got, popped = 0, 0

local function begin(it, id, job, estimate)
    if not job or string.sub(job, 1, 1) ~= 'w' or seen[id] then return false end  -- cancelled, or here twice
    seen[id] = true
    local _, priority, lost, flags, percent, attempt, most = unpack_of(HEAD, job)
    local head = pack(HEAD, 'a', priority, lost, flags, percent, math.min(attempt + 1, 65535), most, now, estimate, owner)
    if #job > SHORT then
        call('SETRANGE', job_key(id), 0, head)
    else
        records[#records + 1] = job_key(id)
        records[#records + 1] = head .. string.sub(job, HEAD_SIZE + 1)
    end
    leases[#leases + 1] = now + lease_for
    leases[#leases + 1] = id
    begun[#begun + 1] = id
    begun[#begun + 1] = job
    it.running = it.running + 1
    return true
end

-- From one line of a tenant, at most `room`; how many began.
local function take(it, priority, room, estimate)
    local started = 0
    while started < room and it[priority] > 0 and popped < wanted + 100 do
        local ids = call('LPOP', list_key(it.id, priority), math.min(room - started, it[priority]))
        if not ids then  -- somebody deleted it
            place.waiting = math.max(0, place.waiting - it[priority])
            it[priority] = 0
            break
        end
        it[priority] = it[priority] - #ids
        place.waiting = math.max(0, place.waiting - #ids)
        popped = popped + #ids
        local keys = {}
        for i, id in ipairs(ids) do keys[i] = job_key(id) end
        local jobs = call('MGET', unpack(keys))
        for i, id in ipairs(ids) do
            if begin(it, id, jobs[i], estimate) then started = started + 1 end
        end
    end
    return started
end

local function hold_back(it, why, until_ms)
    call('ZREM', ring, it.id)
    call('ZADD', park, until_ms, it.id)
    it.at = why
end

-- High, normal, low; but every fourth visit normal comes first and every eighth low, so that none waits for ever.
local ORDER = {[0] = {2, 0, 1}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {1, 0, 2}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}}

local function visit(it, next_v)
    local room = wanted - got
    local cap = cap_of(it)
    if it.running >= cap then return hold_back(it, CAPPED, '+inf') end
    room = math.min(room, cap - it.running)
    if it.rate > 0 then
        it.tokens = math.min(it.burst, it.tokens + math.max(0, now - it.filled) * it.rate / 1000)
        it.filled = now
        if it.tokens < 1 then return hold_back(it, LIMITED, now + math.ceil((1 - it.tokens) * 1000 / it.rate)) end
        room = math.min(room, math.floor(it.tokens))
    end
    local estimate = math.floor(it.usual > 0 and it.usual or usual_cost)
    if next_v then  -- until it has had as much as the next one
        room = math.min(room, math.max(QUANTUM, math.floor((next_v - it.v) * it.weight / estimate) + 1))
    end
    it.visits = (it.visits + 1) % 8
    local started = 0
    for _, priority in ipairs(ORDER[it.visits]) do
        if started < room and it[priority] > 0 then
            started = started + take(it, priority, room - started, estimate)
        end
    end
    got = got + started
    if it.rate > 0 then it.tokens = it.tokens - started end
    it.v = math.ceil(it.v + started * estimate / it.weight)
    if it.v > place.most then place.most = it.v end
    local left = waiting_of(it)
    if left == 0 then
        call('ZREM', ring, it.id)
        it.at = NOWHERE
    else
        call('ZADD', ring, score(it.v), it.id)
    end
    if has(it.flags, MORE) and left <= it.most_waiting / 2 then
        want_more[#want_more + 1] = it.id
        -- Said once: whoever brings more and is turned away sets it again.
        it.flags = bit.band(it.flags, bit.bnot(MORE))
    end
end

local visits = 0
while got < wanted and visits < wanted + 32 and popped < wanted + 100 do
    local first = call('ZRANGE', ring, 0, 1, 'WITHSCORES')
    if not first[1] then  -- nobody waits while there is room: whatever anybody had more than others is forgiven
        place.vt = math.max(place.vt, place.most)
        break
    end
    visits = visits + 1
    local it = tenant_of(first[1])
    it.v, it.at = tonumber(first[2]), RUNNABLE
    place.vt = math.max(place.vt, it.v)
    visit(it, first[4] and tonumber(first[4]))
end
if #records > 0 then call('MSET', unpack(records)) end
if #leases > 0 then call('ZADD', lease, unpack(leases)) end

local ask_again = -1
if call('EXISTS', ring) == 1 then
    call('ZADD', wake, 0, 'now')
else
    call('ZREM', wake, 'now')
    local function sooner(first)
        local at = first[2] and tonumber(first[2])
        if at and at < math.huge and (ask_again < 0 or at - now < ask_again) then ask_again = math.max(0, at - now) end
    end
    sooner(call('ZRANGE', due, 0, 0, 'WITHSCORES'))
    sooner(call('ZRANGE', park, 0, 0, 'WITHSCORES'))
end
save_tenants()
save_place()
return {now, stale, ask_again, want_more, begun}
