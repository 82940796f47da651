-- Remove the rule that joins a hub to an interface.
-- KEYS[1] bridges, [2] the hub, [3] directory version      ARGV[1] the rule
-- Answers {'ok', version} | {'gone'}.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return {'gone'} end
return {'ok', redis.call('INCR', KEYS[3])}
