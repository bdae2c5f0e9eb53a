-- Refreshes chains: chain.lua -- FILE. Each reply's token is presented next, so that every request settles the one
-- before and therefore writes.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local common = dofile(folder .. "common.lua")

local template = '{"refreshToken":"%s","enableAntiCsrf":false,"useDynamicSigningKey":true}'
local waiting = {}
local first, last = 1, 0

local function add(token)
  last = last + 1
  waiting[last] = token
end

function init(arguments)
  for _, token in ipairs(common.lines(arguments[1])) do
    add(token)
  end
end

function request()
  local token = waiting[first]
  waiting[first] = nil
  first = first + 1
  return common.format("POST", "/recipe/session/refresh", string.format(template, token or "no token left"))
end

function response(status, _, body)
  if common.judge(status, body) then
    add(body:match('"refreshToken":{[^}]-"token":"([^"]+)"'))
  end
end
