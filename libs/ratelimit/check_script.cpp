// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/check_script.hpp"

namespace bulkhead::ratelimit {

// A window is start, last, current, previous, previous_last: s + 1 to s + 5 of a state.
const redis::script& check_script() {
    static const redis::script text(R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rules = {}

local function rule_of(argument)
    local rule = rules[argument]
    if rule then return rule end
    rule = {longest = 0, passed = tonumber(string.match(argument, '^&?=(%d+)='))}
    for count, length in string.gmatch(argument, '(%d+) (%d+)') do
        rule[#rule + 1] = {count = tonumber(count), length = tonumber(length)}
        rule.longest = math.max(rule.longest, tonumber(length))
    end
    rule.format = '<' .. string.rep('d', 5 * #rule)
    rules[argument] = rule
    return rule
end

local function advance(state, s, length)
    local age = now - state[s + 1]
    if age < 0 then
        state[s + 1] = now
    elseif age >= 2 * length then
        state[s + 1], state[s + 2], state[s + 3], state[s + 4], state[s + 5] = now, 0, 0, 0, 0
    elseif age >= length then
        state[s + 4], state[s + 5] = state[s + 3], state[s + 2]
        state[s + 1], state[s + 2], state[s + 3] = state[s + 1] + length, 0, 0
    end
end

local function state_of(key, rule)
    local stored = redis.call('GET', key)
    local state
    if stored and #stored == 40 * #rule then
        state = {struct.unpack(rule.format, stored)}
    else
        state = {}
        for i = 1, 5 * #rule do state[i] = 0 end
    end
    for w = 1, #rule do advance(state, 5 * w - 5, rule[w].length) end
    return state
end

local function used(state, s)
    local inside, last = now - state[s + 1], state[s + 5]
    if inside >= last then return state[s + 3] end
    return state[s + 3] + state[s + 4] * (1 - inside / last)
end

local function time_until_free(state, s, limit)
    local free
    if state[s + 3] < limit.count then
        free = state[s + 5] * (1 - (limit.count - 1 - state[s + 3]) / state[s + 4])
    else
        free = limit.length + state[s + 2] * (1 - (limit.count - 1) / state[s + 3])
    end
    return math.max(1, math.ceil(free - (now - state[s + 1])))
end

local function count(key, rule, state)
    local times = rule.passed or 1
    for s = 0, 5 * #rule - 5, 5 do
        state[s + 2], state[s + 3] = now - state[s + 1], state[s + 3] + times
    end
    redis.call('SET', key, struct.pack(rule.format, unpack(state, 1, 5 * #rule)), 'PX', 2 * rule.longest)
end

local answers, i = {}, 1
while i <= #KEYS do
    local first, states = i, {}
    local wait, place, left, reset, passed = 0, 0, math.huge, 0, nil
    repeat
        local rule = rule_of(ARGV[i])
        local state = state_of(KEYS[i], rule)
        states[#states + 1] = state
        passed = rule.passed
        for w = 1, #rule do
            local s, limit = 5 * w - 5, rule[w]
            local would = used(state, s) + (passed or 1)
            if would > limit.count + 1e-6 then
                local free = time_until_free(state, s, limit)
                if free > wait then wait, place, left, reset = free, (i - first) * 4 + w - 1, 0, free end
            elseif wait == 0 then
                local rest = math.max(0, math.floor(limit.count - would))
                if rest < left then
                    left, place, reset = rest, (i - first) * 4 + w - 1, state[s + 1] + limit.length - now
                end
            end
        end
        i = i + 1
    until i > #KEYS or string.sub(ARGV[i], 1, 1) ~= '&'
    if wait == 0 or passed then
        for n = 1, #states do count(KEYS[first + n - 1], rules[ARGV[first + n - 1]], states[n]) end
    end
    local a = #answers
    answers[a + 1], answers[a + 2], answers[a + 3], answers[a + 4] = wait, place, left, reset
end
return answers
)lua");
    return text;
}

}  // namespace bulkhead::ratelimit
