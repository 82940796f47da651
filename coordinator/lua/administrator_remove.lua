-- Remove a named administrator or a token.
-- KEYS[1] record, [2] set of names, [3] tokens      ARGV[1] name, [2] its kind
-- Answers {'ok'} | {'gone'}.
local found = redis.call('HMGET', KEYS[1], 'kind', 'token_hash')
if found[1] ~= ARGV[2] then return {'gone'} end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
if found[2] then redis.call('HDEL', KEYS[3], found[2]) end
return {'ok'}
