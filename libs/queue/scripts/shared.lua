-- SPDX-License-Identifier: Apache-2.0
-- What every script of the queue begins with. KEYS[1] is the base of a place's keys (queue/dispatch.hpp); what
-- the keys hold is told in docs/decisions/0020. Ids of jobs and tenants are their 16 bytes.
local call, pack, unpack_of = redis.call, struct.pack, struct.unpack
local base = KEYS[1]
local ring, due, lease, park, wake = base .. 'ring', base .. 'due', base .. 'lease', base .. 'park', base .. 'wake'
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)  -- ms

-- A job: what changes stands in front and is overwritten in place; tenant, kind, unique key, payload follow.
--   state, priority, lost leases, flags, percent, attempt, most attempts,
--   since (ms; waiting: could begin, delayed: will be due, running: began), charged (us), owner
local HEAD = '<c1BBBBHHI6I6c8'
local HEAD_SIZE, WITH_TENANT = 29, 45
local KEPT, UNIQUE, NOTED, UNWANTED = 1, 2, 4, 8  -- flags: payload is here; has a unique key, a note; to be cancelled
local NOBODY = string.rep('\0', 8)
local NO_PERCENT = 255

local function job_key(id) return base .. 'j:' .. id end
local function list_key(tenant, priority) return base .. 'w:' .. tenant .. ':' .. priority end
local function has(flags, flag) return bit.band(flags, flag) ~= 0 end

-- The lock of a unique key; nil: the job has none.
local function lock_key(tenant, tail)
    local _, _, unique = unpack_of('<c16Bc0Bc0', tail)
    return base .. 'u:' .. tenant .. unique
end

local function unlock(id)
    local job = call('GET', job_key(id))
    if not job then return end
    local lock = lock_key(string.sub(job, 30, 45), string.sub(job, 30))
    if call('GET', lock) == id then call('DEL', lock) end
end

-- The place: layout, epoch, virtual time and the most that anybody has of it, waiting jobs, slots.
local PLACE = '<BI4dddI4'
local LAYOUT = 1
local place = {epoch = 1, vt = 0, most = 0, waiting = 0, slots = 0}
do
    local stored = call('GET', base .. 'm')
    if stored and #stored == struct.size(PLACE) then
        local layout
        layout, place.epoch, place.vt, place.most, place.waiting, place.slots = unpack_of(PLACE, stored)
        if layout ~= LAYOUT then return redis.status_reply('LAYOUT ' .. layout) end
    end
end
local place_before = {place.epoch, place.vt, place.most, place.waiting, place.slots}

local function save_place()
    local b = place_before
    if b[1] == place.epoch and b[2] == place.vt and b[3] == place.most and b[4] == place.waiting and
        b[5] == place.slots then
        return
    end
    call('SET', base .. 'm', pack(PLACE, LAYOUT, place.epoch, place.vt, place.most, place.waiting, place.slots))
end

-- A tenant: at, flags, visits, waiting by priority, delayed, running, epoch, virtual time, usual cost (us),
-- weight, cap (-1: none), starts per second (0: as many as you like), burst, tokens, when they were counted,
-- most that may wait, and as many that are delayed: in databases, of all.
local TENANT = '<BBBI4I4I4I4I4I4dddi4dddI6I4I4'
local TENANT_SIZE = struct.size(TENANT)
local NOWHERE, RUNNABLE, CAPPED, LIMITED = 0, 1, 2, 3  -- at
local RULED, MORE = 1, 2                               -- flags: has rules; more waits in the database
local REMEMBERED = 3600000                             -- ms that an idle tenant's virtual time is kept
local tenants = {}

local function tenant_of(id)
    local it = tenants[id]
    if it then return it end
    it = {id = id}
    local stored = call('GET', base .. 'tn:' .. id)
    if stored and #stored == TENANT_SIZE then
        it.at, it.flags, it.visits, it[0], it[1], it[2], it.delayed, it.running, it.epoch, it.v, it.usual, it.weight,
            it.cap, it.rate, it.burst, it.tokens, it.filled, it.most_waiting, it.most_kept =
            unpack_of(TENANT, stored)
        if it.epoch ~= place.epoch then it.epoch, it.v = place.epoch, 0 end
    else
        it.at, it.flags, it.visits, it[0], it[1], it[2], it.delayed, it.running = 0, 0, 0, 0, 0, 0, 0, 0
        it.epoch, it.v, it.usual, it.weight, it.cap, it.rate, it.burst, it.tokens = place.epoch, 0, 0, 1, -1, 0, 1, 1
        it.filled, it.most_waiting, it.most_kept = now, 1000, 100000
    end
    tenants[id] = it
    return it
end

local function save_tenants()
    for id, it in pairs(tenants) do
        local record = pack(TENANT, it.at, it.flags, it.visits, it[0], it[1], it[2], it.delayed, it.running, it.epoch,
            it.v, it.usual, it.weight, it.cap, it.rate, it.burst, it.tokens, it.filled, it.most_waiting, it.most_kept)
        if it.at == NOWHERE and it.running == 0 and it.delayed == 0 and not has(it.flags, RULED) then
            call('SET', base .. 'tn:' .. id, record, 'PX', REMEMBERED)
        else
            call('SET', base .. 'tn:' .. id, record)
        end
    end
end

local function score(number) return string.format('%.1f', number) end  -- see enter

-- To those who can be served. Who was away has saved nothing up: it begins where the others are, half a
-- microsecond ahead of those who have been served: what they were charged are whole ones.
local function enter(it)
    local v = place.vt
    local first = call('ZRANGE', ring, 0, 0, 'WITHSCORES')
    if first[2] then v = math.min(v, tonumber(first[2])) end
    if v == math.floor(v) then v = v - 0.5 end
    if it.v < v then it.v = v end
    if it.at == CAPPED or it.at == LIMITED then call('ZREM', park, it.id) end
    it.at = RUNNABLE
    call('ZADD', ring, score(it.v), it.id)
end

local function cap_of(it)
    if it.cap >= 0 then return it.cap end
    if place.slots > 0 then return math.max(1, place.slots - math.max(1, math.floor(place.slots / 5))) end
    return math.huge
end

-- A job began or ended; a tenant that was held back by its cap may go on.
local function uncap(it)
    if it.at == CAPPED and it.running < cap_of(it) then enter(it) end
end

local function waiting_of(it) return it[0] + it[1] + it[2] end

-- Puts a waiting job into its tenant's line. `head`: in front of the others.
local function line_up(it, priority, id, head)
    call(head and 'LPUSH' or 'RPUSH', list_key(it.id, priority), id)
    it[priority] = it[priority] + 1
    place.waiting = place.waiting + 1
    if it.at == NOWHERE then enter(it) end
end

local moved = {}

local function charge(it, us)
    if us == 0 then return end
    it.v = math.max(0, math.ceil(it.v + us / it.weight))
    if it.v > place.most then place.most = it.v end
    if it.at == RUNNABLE then moved[#moved + 1] = it end
end

-- In the ring, those who were charged; in one command.
local function move_charged()
    if #moved == 0 then return end
    local scores, seen = {}, {}
    for _, it in ipairs(moved) do
        if not seen[it.id] and it.at == RUNNABLE then
            seen[it.id] = true
            scores[#scores + 1] = score(it.v)
            scores[#scores + 1] = it.id
        end
    end
    if #scores > 0 then call('ZADD', ring, unpack(scores)) end
end

-- Those who wait for work hear of it.
local function ring_bell()
    if call('EXISTS', ring) == 1 then call('ZADD', wake, 0, 'now') end
end

-- To the dead, of whom so many are kept. Gives the flags that the job has then; its state is the caller's.
local MOST_DEAD = 10000
local function bury(id, flags, reason)
    call('ZADD', base .. 'dead', now, id)
    if #reason > 0 then
        call('HSET', base .. 'note', id, reason)
        flags = bit.bor(flags, NOTED)
    end
    local over = call('ZCARD', base .. 'dead') - MOST_DEAD
    if over > 0 then
        for _, old in ipairs(call('ZRANGE', base .. 'dead', 0, over - 1)) do
            call('DEL', job_key(old))
            call('HDEL', base .. 'note', old)
        end
        call('ZREMRANGEBYRANK', base .. 'dead', 0, over - 1)
    end
    return flags
end

-- A Redis that is full refuses a script's first write, unless that one only deletes. What makes room, or holds
-- what is there together, is to go on.
local function also_when_full() call('ZREM', lease, '') end

