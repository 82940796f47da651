-- needs members tickets
-- Forget a node that left or is dead. Its sessions were ended before, or are by the controller.
-- KEYS[1] to [3] see clock, [4] node      ARGV[1] to [4] see clock, [5] node's name
-- Answers {'ok'} | {'alive', ms to expiry} | {'gone'} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local node = ARGV[5]
local row = judged(node, '')
if row and row.is_up then
  return {'alive', whole(math.max(0, row.expires_ms - clock.ms))}
end
redis.call('SREM', PREFIX .. 'nodes', node)
for _, ticket in ipairs(redis.call('SMEMBERS', PREFIX .. 'node-tickets:' .. node)) do
  void(PREFIX, ticket)
end
redis.call('DEL', PREFIX .. 'node-hubs:' .. node, PREFIX .. 'node-assigned:' .. node)
if redis.call('DEL', KEYS[4], PREFIX .. 'orders:' .. node) == 0 then return {'gone'} end
note('removed', 'forgotten', 'node', node)
return {'ok'}
