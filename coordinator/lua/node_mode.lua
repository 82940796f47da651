-- needs members
-- Note what operators want of a node. From this step on nothing new is placed on it, or again.
-- KEYS[1] to [3] see clock, [4] node
-- ARGV[1] to [4] see clock, [5] node's name, [6] mode, [7] sessions a second it gives away at most
--   while it drains, or 0
-- Answers {'ok'} | {'gone'} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local row = redis.call('HMGET', KEYS[4], 'id', 'state', 'is_host', 'mode')
if not row[1] then return {'gone'} end
redis.call('HDEL', KEYS[4], 'drain_rate')
if ARGV[7] ~= '0' then redis.call('HSET', KEYS[4], 'drain_rate', ARGV[7]) end
if row[4] == ARGV[6] then return {'ok'} end
redis.call('HSET', KEYS[4], 'mode', ARGV[6])
if ARGV[6] ~= 'serving' then
  redis.call('ZREM', PREFIX .. 'load', ARGV[5])
elseif row[2] == 'up' and row[3] == '1' then
  redis.call('ZADD', PREFIX .. 'load', 'NX', 0, ARGV[5])
  weigh(PREFIX, ARGV[5])
end
note('mode', ARGV[6], 'node', ARGV[5])
return {'ok'}
