-- Delete a group; its members are in none from then on.
-- KEYS[1] group, [2] groups of the hub, [3] users of the hub, [4] hub, [5] directory version
-- ARGV[1] prefix of all keys, [2] folded hub name, [3] folded group name
-- Answers {'ok', how many members it had} | {'no-group'}. Goes through all users of the hub: 10000
-- members take some 60 ms.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'no-group'} end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[3])
local version = redis.call('INCR', KEYS[5])
local members = 0
for _, user in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local key = ARGV[1] .. 'user:' .. ARGV[2] .. ':' .. user
  local group = redis.call('HGET', key, 'group')
  if group and string.lower(group) == ARGV[3] then -- A-Z only, as names.fold
    redis.call('HDEL', key, 'group')
    redis.call('HSET', key, 'version', version)
    members = members + 1
  end
end
redis.call('HSET', KEYS[4], 'terms_version', version)
return {'ok', members}
