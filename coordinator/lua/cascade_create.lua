-- needs cascading
-- Create a cascade of a hub.
-- KEYS[1] directory version, [2] the hub's cascades, [3] cascading hubs, [4] hub, [5] cascade
-- ARGV[1] prefix of all keys, [2] folded hub name, [3] folded name, [4] most cascades of a hub,
--   then field, value, ... of the cascade
-- Answers {'ok', version} | {'no-hub'} | {'exists'} | {'full', cascades there are}.
local hub = redis.call('HMGET', KEYS[4], 'name', 'removing')
if not hub[1] or hub[2] then return {'no-hub'} end
if redis.call('EXISTS', KEYS[5]) == 1 then return {'exists'} end
local there = redis.call('SCARD', KEYS[2])
if there >= tonumber(ARGV[4]) then return {'full', there} end
local version = redis.call('INCR', KEYS[1])
redis.call('HSET', KEYS[5], 'version', version, unpack(ARGV, 5))
redis.call('SADD', KEYS[2], ARGV[3])
recount(ARGV[1], ARGV[2])
return {'ok', version}
