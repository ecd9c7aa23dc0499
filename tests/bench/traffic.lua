-- SPDX-License-Identifier: Apache-2.0
-- Traffic for wrk. Arguments: FILE OF PEOPLE, HOW MANY OF THEM, ZIPF EXPONENT, SEED, PAUSE. A line of the file is a token and
-- ids of tasks.
-- 70 % lists, 15 % single tasks, 10 % new ones, 5 % changes; person k is asked for with a weight of 1 / k^s.
-- At the end one line of JSON on stderr: answers by status, latencies in microseconds.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

local people, reach = {}, {}

function init(args)
  local most, exponent, sum = tonumber(args[2]), tonumber(args[3]), 0
  local host = "\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nAuthorization: Bearer "
  for line in io.lines(args[1]) do
    if #people == most then break end
    local words = line:gmatch("%S+")
    local person = { login = host .. words() .. "\r\n", tasks = {} }
    for id in words do table.insert(person.tasks, id) end
    table.insert(people, person)
    sum = sum + 1 / (#people) ^ exponent
    reach[#people] = sum
  end
  for k = 1, #people do reach[k] = reach[k] / sum end
  math.randomseed(tonumber(args[4]) * 1000 + number)
  statuses = {}
  local pause = tonumber(args[5])  -- milliseconds, on average; none: the next request follows at once
  if pause then
    function delay() return math.floor(0.5 - pause * math.log(1 - math.random())) end
  end
end

local function someone()
  local wanted, low, high = math.random(), 1, #people
  while low < high do
    local middle = math.floor((low + high) / 2)
    if reach[middle] < wanted then low = middle + 1 else high = middle end
  end
  return people[low]
end

local function with_body(start, person, body)
  return start .. " HTTP/1.1" .. person.login .. "Content-Type: application/json\r\nContent-Length: " .. #body
    .. "\r\n\r\n" .. body
end

function request()
  local person, kind = someone(), math.random()
  if kind < 0.70 then return "GET /api/tasks?limit=20 HTTP/1.1" .. person.login .. "\r\n" end
  if kind >= 0.85 and kind < 0.95 then
    return with_body("POST /api/tasks", person, '{"title":"made in passing","description":"something to do"}')
  end
  local path = "/api/tasks/" .. person.tasks[math.random(#person.tasks)]
  if kind < 0.85 then return "GET " .. path .. " HTTP/1.1" .. person.login .. "\r\n" end
  return with_body("PATCH " .. path, person, '{"completed":true}')
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local counted, parts = {}, {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do counted[status] = (counted[status] or 0) + count end
  end
  for status, count in pairs(counted) do table.insert(parts, string.format('"%d":%d', status, count)) end
  local e = summary.errors
  io.stderr:write(string.format(
    '{"requests":%d,"seconds":%.3f,"statuses":{%s},"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d},' ..
    '"p50":%d,"p90":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration / 1e6, table.concat(parts, ","), e.connect, e.read, e.write, e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
