-- needs grants
-- A node takes up a hub it was given: only now may it serve it.
-- KEYS[1] to [3] see clock, [4] owner, [5] node
-- ARGV[1] to [4] see clock, [5] folded hub name, [6] node, [7] incarnation, [8] epoch
-- Answers {'ok'} | {'stale', current epoch} | {'no-fleet'}. Repeating it is {'ok'} again.
if not tick() then return {'no-fleet'} end
local hub, node = ARGV[5], ARGV[6]
local stale = not_owner(hub, node, ARGV[7], ARGV[8])
if stale then return stale end
local row = redis.call('HMGET', KEYS[5], 'inc', 'state')
if row[1] ~= ARGV[7] or row[2] ~= 'up' then return {'stale', ARGV[8]} end
if redis.call('HGET', KEYS[4], 'state') == 'active' then return {'ok'} end
redis.call('HSET', KEYS[4], 'state', 'active', 'since', NOW)
redis.call('SREM', PREFIX .. 'node-assigned:' .. node, hub)
weigh(PREFIX, node)
note('active', 'taken up', 'node', node, 'hub', hub, 'epoch', ARGV[8])
return {'ok'}
