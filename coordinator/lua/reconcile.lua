-- needs grants
-- After a restart of the store, or when it lost a node's row: the node says what it owns. The
-- higher epoch wins; what is missing here is restored, what is not claimed is free.
-- KEYS[1] to [3] see clock, [4] node      ARGV[1] to [6] see clock, [7] how many hubs follow,
--   hub, epoch, ... of those, then field, value, ... of the node's row
-- Answers {'ok', run, hub the node has lost, ...} | {'not-live', why} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local node, inc = ARGV[5], ARGV[6]
local there = redis.call('HGET', KEYS[4], 'inc')
if there and tonumber(there) >= tonumber(inc) then
  local ended = caller_ended()
  if ended then return ended end
end
local last = 7 + 2 * tonumber(ARGV[7])
redis.call('HSET', KEYS[4], unpack(ARGV, last + 1))
redis.call('HSET', KEYS[4], 'inc', inc, 'state', 'up', 'why', 'reconciled')
redis.call('HSETNX', KEYS[4], 'mode', 'serving')
redis.call('HSETNX', KEYS[4], 'began_ms', whole(clock.ms))
redis.call('SADD', PREFIX .. 'nodes', node)
redis.call('SREM', PREFIX .. 'unreconciled', node)
extend(node)

local answer, claimed = {'ok', clock.run}, {}
for i = 8, last, 2 do
  local hub, epoch = ARGV[i], ARGV[i + 1]
  local owner = redis.call('HMGET', PREFIX .. 'owner:' .. hub, 'node', 'inc', 'epoch', 'state')
  local known = tonumber(owner[3]) or 0
  local is_free = known == tonumber(epoch) and not owner[1]
  claimed[hub] = true
  if known < tonumber(epoch) or is_free then
    if owner[1] and owner[1] ~= node then
      strike(hub, owner[1])
      redis.call('XADD', PREFIX .. 'orders:' .. owner[1], 'MAXLEN', '~', 10000, '*',
        'order', 'lose-hub', 'hub', hub, 'epoch', epoch)
    end
    redis.call('HSET', PREFIX .. 'owner:' .. hub, 'hub', hub, 'node', node, 'inc', inc,
      'epoch', epoch, 'state', 'active', 'since', NOW, 'why', 'restored by its owner',
      'assigned_ms', whole(clock.ms), 'epoch_before', owner[3] or '0')
    redis.call('SADD', PREFIX .. 'node-hubs:' .. node, hub)
    redis.call('SREM', PREFIX .. 'node-assigned:' .. node, hub)
    note('restore', 'the store had lost it', 'node', node, 'hub', hub, 'epoch', epoch)
  elseif owner[1] == node and owner[2] == inc and owner[3] == epoch then
    redis.call('HSET', PREFIX .. 'owner:' .. hub, 'state', 'active')
    redis.call('SREM', PREFIX .. 'node-assigned:' .. node, hub)
  else
    table.insert(answer, hub)
  end
end
for _, hub in ipairs(redis.call('SMEMBERS', PREFIX .. 'node-hubs:' .. node)) do
  local owner = redis.call('HMGET', PREFIX .. 'owner:' .. hub, 'node', 'inc')
  if owner[1] == node and owner[2] == inc and not claimed[hub] then
    redis.call('HDEL', PREFIX .. 'owner:' .. hub, 'node', 'inc')
    redis.call('HSET', PREFIX .. 'owner:' .. hub, 'state', 'free', 'since', NOW,
      'why', 'not claimed after a restart of the store')
    strike(hub, node)
  end
end
weigh(PREFIX, node)
return answer
