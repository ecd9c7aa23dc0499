-- SPDX-License-Identifier: Apache-2.0
-- Takes back leases that ran out. ARGV: how many at most, owner. Gives how many jobs wait again; id, job of those that
-- were lost too often: those with a payload are among the dead now, the others are forgotten here; ids of running jobs
-- of this owner that are to be cancelled and of which it has not heard yet.
local MOST_LOST = 3
local returned, poison, ended, gone, unwanted, heard = 0, {}, {}, {}, {}, {}

also_when_full()
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
        elseif lost > MOST_LOST then
            if has(flags, UNIQUE) then unlock(id) end
            if kept then
                flags = bury(id, flags, 'its workers died')
                call('SETRANGE', job_key(id), 0, head_of('D', now))
            else
                if has(flags, NOTED) then call('HDEL', base .. 'note', id) end
                gone[#gone + 1] = job_key(id)
            end
            poison[#poison + 1] = id
            poison[#poison + 1] = head_of('a', since) .. string.sub(job, HEAD_SIZE + 1)
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
