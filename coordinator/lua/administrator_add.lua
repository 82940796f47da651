-- Store a named administrator or a token.
-- KEYS[1] record, [2] set of names, [3] tokens, [4] the hub it is for (absent for the fleet)
-- ARGV[1] name, [2] how many there may be, [3] SHA-256 of the token or '', then field, value, ...
-- Answers {'ok'} | {'exists'} | {'no-hub'} | {'full'}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists'} end
if KEYS[4] then
  local hub = redis.call('HMGET', KEYS[4], 'name', 'removing')
  if not hub[1] or hub[2] then return {'no-hub'} end
end
if redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[2]) then return {'full'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('SADD', KEYS[2], ARGV[1])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], ARGV[3], ARGV[1]) end
return {'ok'}
