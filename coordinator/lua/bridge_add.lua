-- Join a hub to an interface on the gateways a rule is for.
-- KEYS[1] bridges, [2] the hub, [3] directory version
-- ARGV[1] the rule, [2] 'nic' or 'tap', [3] how many rules there may be
-- Answers {'ok', version} | {'exists'} | {'no-hub'} | {'full'}.
local hub = redis.call('HMGET', KEYS[2], 'name', 'removing')
if not hub[1] or hub[2] then return {'no-hub'} end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return {'exists'} end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return {'full'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'ok', redis.call('INCR', KEYS[3])}
