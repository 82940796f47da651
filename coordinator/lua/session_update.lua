-- Note what a node reports about a session it carries.
-- KEYS[1] session
-- ARGV[1] key hash, [2] epoch, [3] how many increments follow, field, number, ... of those,
--   then field, value, ... to set
-- Answers {'ok'} | {'lost'}: ended, or taken over by another node.
local record = redis.call('HMGET', KEYS[1], 'key_hash', 'epoch')
if record[1] ~= ARGV[1] or record[2] ~= ARGV[2] then return {'lost'} end
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, last + 1))
return {'ok'}
