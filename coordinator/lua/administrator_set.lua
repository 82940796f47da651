-- Change a named administrator; a token is never changed.
-- KEYS[1] record      ARGV field, value, ...
-- Answers {'ok'} | {'gone'}. Other fields are left alone.
if redis.call('HGET', KEYS[1], 'kind') ~= 'person' then return {'gone'} end
redis.call('HSET', KEYS[1], unpack(ARGV))
return {'ok'}
