-- Say where the logs of all nodes go; they hear of it as of any change of the directory.
-- KEYS[1] syslog, KEYS[2] directory version      ARGV field, value, ...
-- Answers {'ok', version}.
redis.call('HSET', KEYS[1], unpack(ARGV))
return {'ok', redis.call('INCR', KEYS[2])}
