-- needs members
-- Order a hub's owner to hand it over.
-- KEYS[1] to [3] see clock, [4] owner
-- ARGV[1] to [4] see clock, [5] folded hub name, [6] the node to take it, or ''
-- Answers {'ok', owner} | {'no-owner'} | {'no-node'}: it is not alive | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local owner = redis.call('HMGET', KEYS[4], 'node', 'inc')
local row = owner[1] and judged(owner[1], '')
if not row or not row.is_up or row.inc ~= owner[2] then return {'no-owner'} end
if ARGV[6] ~= '' then
  local to = judged(ARGV[6], '')
  if not to or not to.is_up then return {'no-node'} end
end
redis.call('XADD', PREFIX .. 'orders:' .. owner[1], 'MAXLEN', '~', 10000, '*',
  'order', 'move-hub', 'hub', ARGV[5], 'to', ARGV[6])
return {'ok', owner[1]}
