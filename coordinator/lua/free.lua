-- needs grants
-- A node gives up a hub that nobody uses. The epoch stays, so the next one is higher.
-- KEYS[1] to [3] see clock, [4] owner, [5] node
-- ARGV[1] to [4] see clock, [5] folded hub name, [6] node, [7] incarnation, [8] epoch
-- Answers {'ok'} | {'busy'}: it has sessions, tickets or online cascades | {'stale', current epoch} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local hub, node = ARGV[5], ARGV[6]
local owner = redis.call('HMGET', KEYS[4], 'node', 'epoch')
if not owner[1] and owner[2] == ARGV[8] then return {'ok'} end -- asked again
local stale = not_owner(hub, node, ARGV[7], ARGV[8])
if stale then return stale end
if redis.call('SISMEMBER', PREFIX .. 'cascading', hub) == 1 then return {'busy'} end
if redis.call('HGET', PREFIX .. 'hub:' .. hub, 'kind') ~= 'static' and redis.call('EXISTS',
  PREFIX .. 'sessions:' .. hub, PREFIX .. 'hub-tickets:' .. hub) > 0 then return {'busy'} end
redis.call('HDEL', KEYS[4], 'node', 'inc')
redis.call('HSET', KEYS[4], 'state', 'free', 'since', NOW, 'why', 'idle')
strike(hub, node)
note('free', 'idle', 'node', node, 'hub', hub, 'epoch', ARGV[8])
return {'ok'}
