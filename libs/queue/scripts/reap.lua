-- SPDX-License-Identifier: Apache-2.0
-- Takes back leases that ran out. ARGV: how many at most, owner. Gives how many jobs wait again, also those with a row
-- that were lost too often: whoever gets them writes down that they have failed; id, job of those without a row, which
-- are among the dead now; ids of running jobs of this owner that are to be cancelled and of which it has not heard yet.
local MOST_LOST = 3
-- A job that was lost twice may be what its workers die of, or have been beside that: such jobs are to run one by one
-- (ms from one to the next, about), as far as that takes no longer than so long for each time it was lost.
local SUSPICIOUS, APART, SPREAD = 2, 30000, 60000
local returned, poison, ended, gone, unwanted, heard = 0, {}, {}, {}, {}, {}

-- When the next suspect may begin. Somewhere: those of other places may have been there too.
local function moment_of_suspect(lost)
    local last = tonumber(call('GET', base .. 'suspect') or false)
    local at = last and math.max(now, last + APART) or now + math.random(0, APART)
    if at > now + lost * SPREAD then return now + math.random(0, lost * SPREAD) end
    call('SET', base .. 'suspect', string.format('%.0f', at), 'PX', at - now + APART)
    return at
end

also_when_full()
math.randomseed(tonumber(clock[2]))  -- Redis gives every script the same numbers
for _, id in ipairs(call('ZRANGEBYSCORE', lease, '-inf', now, 'LIMIT', 0, ARGV[1])) do
    ended[#ended + 1] = id
    local job = call('GET', job_key(id))
    if job and #job >= WITH_TENANT and string.sub(job, 1, 1) == 'a' then
        local _, priority, lost, flags, percent, attempt, most, since, charged = unpack_of(HEAD, job)
        local it = tenant_of(string.sub(job, HEAD_SIZE + 1, WITH_TENANT))
        it.running = math.max(0, it.running - 1)
        lost = math.min(lost + 1, 255)
        local function head_of(state, when)
            return pack(HEAD, state, priority, lost, flags, NO_PERCENT, math.max(0, attempt - 1), most, when, 0, NOBODY)
        end
        local kept = has(flags, KEPT)
        if kept and has(flags, UNWANTED) then
            if has(flags, UNIQUE) then unlock(id) end
            if has(flags, NOTED) then call('HDEL', base .. 'note', id) end
            gone[#gone + 1] = job_key(id)
        elseif kept and lost > MOST_LOST then
            if has(flags, UNIQUE) then unlock(id) end
            flags = bury(id, flags, 'its workers died')
            call('SETRANGE', job_key(id), 0, head_of('D', now))
            poison[#poison + 1] = id
            poison[#poison + 1] = head_of('a', since) .. string.sub(job, HEAD_SIZE + 1)
        elseif lost >= SUSPICIOUS and lost <= MOST_LOST then
            local at = moment_of_suspect(lost)
            call('SETRANGE', job_key(id), 0, head_of('d', at))
            call('ZADD', due, at, id)
            it.delayed = it.delayed + 1
            returned = returned + 1
        else
            call('SETRANGE', job_key(id), 0, head_of('w', now))
            line_up(it, priority, id, true)
            returned = returned + 1
        end
        uncap(it)
    end
end
for _, id in ipairs(call('ZRANGE', base .. 'stop', 0, 99)) do
    local head = call('GETRANGE', job_key(id), 0, HEAD_SIZE - 1)
    local runs = #head == HEAD_SIZE and string.sub(head, 1, 1) == 'a'
    if not runs then
        heard[#heard + 1] = id
    elseif string.sub(head, HEAD_SIZE - 7) == ARGV[2] then
        heard[#heard + 1] = id
        unwanted[#unwanted + 1] = id
    end
end
if #heard > 0 then call('ZREM', base .. 'stop', unpack(heard)) end
if #gone > 0 then call('DEL', unpack(gone)) end
if #ended > 0 then
    call('ZREM', lease, unpack(ended))
    ring_bell()
end
save_tenants()
save_place()
return {returned, poison, unwanted}
