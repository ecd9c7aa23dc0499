-- SPDX-License-Identifier: Apache-2.0
-- Gives waiting, delayed, running, dead jobs; tenants that have waiting ones, and those of them that are held back;
-- how long the longest waiting job that could begin has waited (ms), looked for at both ends of the ring.
local oldest = now
local runnable, held_back = call('ZCARD', ring), call('ZCARD', park)

local function look_at(ids)
    for _, id in ipairs(ids) do
        for priority = 0, 2 do
            local first = call('LINDEX', list_key(id, priority), 0)
            local job = first and call('GETRANGE', job_key(first), 0, HEAD_SIZE - 1) or ''
            if #job == HEAD_SIZE and string.sub(job, 1, 1) == 'w' then
                local _, _, _, _, _, _, _, since = unpack_of(HEAD, job)
                oldest = math.min(oldest, since)
            end
        end
    end
end

look_at(call('ZRANGE', ring, 0, 24))
if runnable > 25 then look_at(call('ZRANGE', ring, math.max(25, runnable - 25), -1)) end
return {place.waiting, call('ZCARD', due), call('ZCARD', lease), call('ZCARD', base .. 'dead'), runnable + held_back,
    held_back, now - oldest}
