-- needs forget fence
-- End a session, if it is still with the one who says so.
-- KEYS[1] session      ARGV[1] prefix of all keys, [2] folded hub name, [3] name, [4] key hash,
--   [5] epoch, [6] node, [7] its incarnation, [8] epoch under which it has the hub
-- Answers {'ok'} | {'lost'}: ended already, or with another node | {'stale', current epoch}: its
--   hub is with another node.
local record = redis.call('HMGET', KEYS[1], 'key_hash', 'epoch')
if record[1] ~= ARGV[4] or record[2] ~= ARGV[5] then return {'lost'} end
local stale = fenced(ARGV[1], ARGV[2], ARGV[6], ARGV[7], ARGV[8])
if stale then return stale end
forget(ARGV[1], ARGV[2], ARGV[3])
return {'ok'}
