-- needs fence
-- Note what a node reports about a session it carries.
-- KEYS[1] session
-- ARGV[1] key hash, [2] epoch, [3] prefix of all keys, [4] folded hub name, [5] node, [6] its
--   incarnation, [7] epoch under which it has the hub, [8] how many increments follow, field,
--   number, ... of those, then field, value, ... to set
-- Answers {'ok'} | {'lost'}: ended, or with another node | {'stale', current epoch}: its hub is
--   with another node.
local record = redis.call('HMGET', KEYS[1], 'key_hash', 'epoch')
if record[1] ~= ARGV[1] or record[2] ~= ARGV[2] then return {'lost'} end
local stale = fenced(ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
if stale then return stale end
local last = 8 + 2 * tonumber(ARGV[8])
for i = 9, last, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, last + 1))
return {'ok'}
