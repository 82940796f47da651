-- Replace the settings of a hub or user, if nobody changed them since they were read.
-- KEYS[1] record, KEYS[2] directory version
-- ARGV[1] version it was read with, ARGV[2] how many optional fields follow, those fields (removed
--   unless set again, and so is every policy), then field, value, ...
-- Answers {'ok', version} | {'gone'} | {'conflict', version there}. Other fields are left alone.
local current = redis.call('HMGET', KEYS[1], 'version', 'removing')
if not current[1] or current[2] then return {'gone'} end
if current[1] ~= ARGV[1] then return {'conflict', current[1]} end
local optional = tonumber(ARGV[2])
for i = 3, optional + 2 do redis.call('HDEL', KEYS[1], ARGV[i]) end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 7) == 'policy:' then redis.call('HDEL', KEYS[1], field) end
end
local version = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], 'version', version, unpack(ARGV, optional + 3))
return {'ok', version}
