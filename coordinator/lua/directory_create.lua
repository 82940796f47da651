-- Create a hub, or a user of a hub.
-- KEYS[1] record, KEYS[2] set of names, KEYS[3] directory version, KEYS[4] the hub a user is of
--   (absent for a hub)      ARGV[1] name in the set, then field, value, ... of the record
-- Answers {'ok', version} | {'exists'} | {'no-hub'}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists'} end
if KEYS[4] then
  local hub = redis.call('HMGET', KEYS[4], 'name', 'removing')
  if not hub[1] or hub[2] then return {'no-hub'} end
end
local version = redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[1], 'version', version, unpack(ARGV, 2))
redis.call('SADD', KEYS[2], ARGV[1])
return {'ok', version}
