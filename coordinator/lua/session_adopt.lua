-- Take a session over for a node, under a new epoch: whoever carried it can change it no more.
-- KEYS[1] session, [2] hub, [3] sessions of the new node
-- ARGV[1] key hash, [2] new node, [3] prefix of all sets of sessions of a node,
--   [4] `<hub>:<session>`, [5] now
-- Answers {'ok', field, value, ...} | {'gone'}, also while the hub is offline.
local record = redis.call('HMGET', KEYS[1], 'key_hash', 'node')
if record[1] ~= ARGV[1] then return {'gone'} end
if redis.call('HGET', KEYS[2], 'online') ~= '1' then return {'gone'} end
redis.call('SREM', ARGV[3] .. record[2], ARGV[4])
redis.call('SADD', KEYS[3], ARGV[4])
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'adopted', ARGV[5], 'seen', ARGV[5])
local answer = redis.call('HGETALL', KEYS[1])
table.insert(answer, 1, 'ok')
return answer
