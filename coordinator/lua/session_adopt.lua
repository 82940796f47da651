-- needs fence load
-- Take a session over for a node, under a new epoch: whoever carried it can change it no more.
-- KEYS[1] session, [2] hub, [3] sessions of the new node
-- ARGV[1] key hash, [2] new node, [3] prefix of all keys, [4] `<hub>:<session>`, [5] now,
--   [6] folded hub name, [7] incarnation of the new node, [8] epoch under which it has the hub
-- Answers {'ok', field, value, ...} | {'gone'}, also while the hub is offline
--   | {'stale', current epoch}: the node does not have the hub.
local record = redis.call('HMGET', KEYS[1], 'key_hash', 'node')
if record[1] ~= ARGV[1] then return {'gone'} end
if redis.call('HGET', KEYS[2], 'online') ~= '1' then return {'gone'} end
local stale = fenced(ARGV[3], ARGV[6], ARGV[2], ARGV[7], ARGV[8])
if stale then return stale end
redis.call('SREM', ARGV[3] .. 'node-sessions:' .. record[2], ARGV[4])
redis.call('SADD', KEYS[3], ARGV[4])
weigh(ARGV[3], record[2])
weigh(ARGV[3], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'inc', ARGV[7], 'hub_epoch', ARGV[8],
  'adopted', ARGV[5], 'seen', ARGV[5], 'connections', 0)
local answer = redis.call('HGETALL', KEYS[1])
table.insert(answer, 1, 'ok')
return answer
