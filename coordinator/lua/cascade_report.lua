-- needs fence
-- Note how a cascade is doing. Only the owner of its hub may.
-- KEYS[1] cascade, [2] its status
-- ARGV[1] prefix of all keys, [2] folded hub name, [3] node, [4] its incarnation, [5] epoch under
--   which it has the hub, then field, value, ... of the status, which replaces the one before
-- Answers {'ok'} | {'gone'}: deleted or offline | {'stale', current epoch}.
if redis.call('HGET', KEYS[1], 'online') ~= '1' then return {'gone'} end
local stale = fenced(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
if stale then return stale end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 6))
return {'ok'}
