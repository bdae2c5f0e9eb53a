-- Creates sessions, each for another user.

local folder = debug.getinfo(1, "S").source:match("^@(.*/)") or "./"
local common = dofile(folder .. "common.lua")

local template = '{"userId":"%s-%d","userDataInJWT":{"role":"user"},"userDataInDatabase":{"cart":[1,2,3]},'
  .. '"enableAntiCsrf":false,"useDynamicSigningKey":true}'
local run = tostring(os.time())
local number = 0

function request()
  number = number + 1
  return common.format("POST", "/recipe/session", string.format(template, run, number))
end

function response(status, _, body)
  common.judge(status, body)
end
