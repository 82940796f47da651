-- needs forget
-- End a session, if it is still with the one who says so.
-- KEYS[1] session      ARGV[1] prefix of all keys, [2] folded hub name, [3] name, [4] key hash,
--   [5] epoch
-- Answers {'ok'} | {'lost'}: ended already, or taken over by another node.
local record = redis.call('HMGET', KEYS[1], 'key_hash', 'epoch')
if record[1] ~= ARGV[4] or record[2] ~= ARGV[5] then return {'lost'} end
forget(ARGV[1], ARGV[2], ARGV[3])
return {'ok'}
