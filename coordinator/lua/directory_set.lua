-- Replace the settings of a hub, user or group, if nobody changed them since they were read.
-- KEYS[1] record, KEYS[2] directory version, KEYS[3] the hub it is of (absent for a hub), KEYS[4]
--   the group a user is to be in (absent if none)
-- ARGV[1] version it was read with, ARGV[2] how many optional fields follow, those fields (removed
--   unless set again, and so is every policy and option), then field, value, ...
-- Answers {'ok', version} | {'gone'} | {'no-group'} | {'conflict', version there}. Other fields are
-- left alone.
local current = redis.call('HMGET', KEYS[1], 'version', 'removing')
if not current[1] or current[2] then return {'gone'} end
if current[1] ~= ARGV[1] then return {'conflict', current[1]} end
if KEYS[4] and redis.call('EXISTS', KEYS[4]) == 0 then return {'no-group'} end
local optional = tonumber(ARGV[2])
for i = 3, optional + 2 do redis.call('HDEL', KEYS[1], ARGV[i]) end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local prefix = string.sub(field, 1, 7)
  if prefix == 'policy:' or prefix == 'option:' then redis.call('HDEL', KEYS[1], field) end
end
local version = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], 'version', version, unpack(ARGV, optional + 3))
if KEYS[3] then redis.call('HSET', KEYS[3], 'terms_version', version) end
return {'ok', version}
