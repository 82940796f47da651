-- Create a hub, or a user or group of a hub.
-- KEYS[1] record, KEYS[2] set of names, KEYS[3] directory version, KEYS[4] the hub it is of, for a hub
--   how it is administered (absent if nothing is said), KEYS[5] the group a user is to be in (absent
--   if none)
-- ARGV[1] name in the set, [2] most names in it or 0, [3] how many words about the hub's
--   administration follow, those: field, value, ..., then field, value, ... of the record
-- Answers {'ok', version} | {'exists'} | {'no-hub'} | {'no-group'} | {'full'}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists'} end
local words = tonumber(ARGV[3])
local hub_key = words == 0 and KEYS[4] or nil
if hub_key then
  local hub = redis.call('HMGET', hub_key, 'name', 'removing')
  if not hub[1] or hub[2] then return {'no-hub'} end
end
if KEYS[5] and redis.call('EXISTS', KEYS[5]) == 0 then return {'no-group'} end
local most = tonumber(ARGV[2])
if most > 0 and redis.call('SCARD', KEYS[2]) >= most then return {'full'} end
local version = redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[1], 'version', version, unpack(ARGV, words + 4))
if words > 0 then redis.call('HSET', KEYS[4], unpack(ARGV, 4, words + 3)) end
redis.call('SADD', KEYS[2], ARGV[1])
if hub_key then redis.call('HSET', hub_key, 'terms_version', version) end
return {'ok', version}
