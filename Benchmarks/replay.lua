-- Sends prepared requests in turn, for ever: replay.lua -- FILE; verify, refresh of the same token and information.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local common = dofile(folder .. "common.lua")

local prepared = {}
local number = 0

function init(arguments)
  for _, line in ipairs(common.lines(arguments[1])) do
    local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
    table.insert(prepared, common.format(method, path, body ~= "" and body or nil))
  end
end

function request()
  number = number % #prepared + 1
  return prepared[number]
end

function response(status, _, body)
  common.judge(status, body)
end
