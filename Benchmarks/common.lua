-- What all load scripts share: reading prepared requests, judging replies and reporting.

local common = {}

local headers = { ["cdi-version"] = "5.4", ["content-type"] = "application/json; charset=utf-8" }
local threads = {}

-- Called by wrk for each thread; the counters live in the threads.
function setup(thread)
  table.insert(threads, thread)
  thread:set("good", 0)
  thread:set("bad", 0)
  thread:set("sample", "")
end

-- The lines of a file of prepared requests, each "METHOD path body".
function common.lines(path)
  local found = {}
  for line in io.lines(path) do
    table.insert(found, line)
  end
  return found
end

-- The bytes of a request.
function common.format(method, path, body)
  return wrk.format(method, path, headers, body)
end

-- Counts a reply: anything but a 200 whose body has status OK is an error.
function common.judge(status, body)
  if status == 200 and string.find(body, '"status":"OK"', 1, true) then
    good = good + 1
    return true
  end
  bad = bad + 1
  sample = status .. " " .. string.sub(body, 1, 200)
  return false
end

-- Called by wrk at the end: prints one line for bench.py.
function done(summary, latency, requests)
  local good, bad, sample = 0, 0, ""
  for _, thread in ipairs(threads) do
    good = good + thread:get("good")
    bad = bad + thread:get("bad")
    if thread:get("sample") ~= "" then
      sample = thread:get("sample")
    end
  end
  local socket = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT requests=%d seconds=%.6f p50=%d p99=%d good=%d bad=%d socket=%d",
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), good, bad, socket))
  if sample ~= "" then
    print("SAMPLE " .. string.gsub(sample, "%s+", " "))
  end
end

return common
