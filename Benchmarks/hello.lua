-- Sends GET /hello for ever; any reply but a 200 is an error.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local common = dofile(folder .. "common.lua")

function request()
  return common.format("GET", "/hello", nil)
end

function response(status, _, body)
  common.judge(status, '"status":"OK"') -- a greeting says no more than its status
end
