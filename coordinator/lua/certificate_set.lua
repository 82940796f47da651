-- Put another certificate in the place of the fleet's.
-- KEYS[1] tls, KEYS[2] directory version      ARGV field, value, ...
-- Answers {'ok', version}.
redis.call('HSET', KEYS[1], unpack(ARGV))
return {'ok', redis.call('INCR', KEYS[2])}
