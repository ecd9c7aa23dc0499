-- SPDX-License-Identifier: Apache-2.0
-- Prolongs leases. ARGV: owner, lease (ms); id, progress of each: percent (255: as before), note. Gives ids that
-- the owner has no lease of any more, and ids that are to be cancelled. What has run is charged already now, so
-- that a long job does not look like a short one until it ends.
local owner, lease_for = ARGV[1], tonumber(ARGV[2])
local lost_ids, unwanted, leases = {}, {}, {}

local function beat(id, progress)
    local job = call('GETRANGE', job_key(id), 0, WITH_TENANT - 1)
    if #job < WITH_TENANT then return false end
    local state, priority, lost, flags, percent, attempt, most, since, charged, own = unpack_of(HEAD, job)
    if state ~= 'a' or own ~= owner then return false end
    leases[#leases + 1] = now + lease_for
    leases[#leases + 1] = id
    local it = tenant_of(string.sub(job, HEAD_SIZE + 1))
    local ran = math.max(0, now - since) * 1000
    if ran > charged then
        charge(it, ran - charged)
        charged = ran
    end
    local said = string.byte(progress, 1)
    if said ~= NO_PERCENT then percent = said end
    if #progress > 1 then
        call('HSET', base .. 'note', id, string.sub(progress, 2))
        flags = bit.bor(flags, NOTED)
    end
    call('SETRANGE', job_key(id), 0,
        pack(HEAD, state, priority, lost, flags, percent, attempt, most, since, charged, own))
    if has(flags, UNWANTED) then unwanted[#unwanted + 1] = id end
    return true
end

also_when_full()
for i = 3, #ARGV, 2 do
    if not beat(ARGV[i], ARGV[i + 1]) then lost_ids[#lost_ids + 1] = ARGV[i] end
end
if #leases > 0 then call('ZADD', lease, 'GT', unpack(leases)) end
move_charged()
save_tenants()
save_place()
return {lost_ids, unwanted}
