-- needs grants
-- An owner that has stopped serving a hub hands it over.
-- KEYS[1] to [3] see clock, [4] owner, [5] node
-- ARGV[1] to [4] see clock, [5] folded hub name, [6] node, [7] incarnation, [8] epoch,
--   [9] the node to take it, or '' for the best other one, then nodes that are better than others
-- Answers {'ok', node, incarnation, epoch} | {'nobody'}: that one cannot, or there is none, and the
--   owner's record says which | {'stale', current epoch} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local hub, node, to = ARGV[5], ARGV[6], ARGV[9]
local owner = redis.call('HMGET', KEYS[4], 'node', 'inc', 'epoch', 'epoch_before', 'why')
if owner[4] == ARGV[8] and owner[5] == 'handed over by ' .. node then -- asked again
  return {'ok', owner[1], owner[2], owner[3]}
end
local stale = not_owner(hub, node, ARGV[7], ARGV[8])
if stale then return stale end
local why = 'no other node can take it'
if to == '' then
  to = choose_of({unpack(ARGV, 10)}, node, hub) or choose(nil, false, node, hub)
    or choose_of({unpack(ARGV, 10)}, node) or choose(nil, false, node)
elseif to == node or not redis.call('ZSCORE', PREFIX .. 'load', to)
  or tonumber(redis.call('ZSCORE', PREFIX .. 'leases', to) or '-1') < clock.ms then
  why = to .. (to == node and ' has it already' or ' takes nothing, or is gone')
  to = nil
end
if not to then
  redis.call('HSET', KEYS[4], 'stayed', NOW, 'stays', why)
  return {'nobody'}
end
local epoch = grant(hub, to, 'handed over by ' .. node, node)
return {'ok', to, redis.call('HGET', PREFIX .. 'node:' .. to, 'inc'), epoch}
