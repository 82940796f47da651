-- needs cascading
-- Replace the settings of a cascade, its name included, if nobody changed them since they were
-- read. What was told of how it runs is no longer true of an offline or renamed one, and goes.
-- KEYS[1] directory version, [2] the hub's cascades, [3] cascading hubs, [4] cascade, [5] the same
--   under its new name
-- ARGV[1] prefix of all keys, [2] folded hub name, [3] folded name, [4] folded new name,
--   [5] version it was read with, [6] how many optional fields follow, those fields (removed unless
--   set again, and so is every policy), then field, value, ...
-- Answers {'ok', version} | {'gone'} | {'conflict', version there} | {'exists'}.
local current = redis.call('HGET', KEYS[4], 'version')
if not current then return {'gone'} end
if current ~= ARGV[5] then return {'conflict', current} end
local renamed = ARGV[3] ~= ARGV[4]
if renamed then
  if redis.call('EXISTS', KEYS[5]) == 1 then return {'exists'} end
  redis.call('RENAME', KEYS[4], KEYS[5])
  redis.call('SREM', KEYS[2], ARGV[3])
  redis.call('SADD', KEYS[2], ARGV[4])
end
local last = 6 + tonumber(ARGV[6])
for i = 7, last do redis.call('HDEL', KEYS[5], ARGV[i]) end
for _, field in ipairs(redis.call('HKEYS', KEYS[5])) do
  if string.sub(field, 1, 7) == 'policy:' then redis.call('HDEL', KEYS[5], field) end
end
local version = redis.call('INCR', KEYS[1])
redis.call('HSET', KEYS[5], 'version', version, unpack(ARGV, last + 1))
if renamed or redis.call('HGET', KEYS[5], 'online') ~= '1' then
  redis.call('DEL', ARGV[1] .. 'cascade-status:' .. ARGV[2] .. ':' .. ARGV[3])
end
recount(ARGV[1], ARGV[2])
return {'ok', version}
