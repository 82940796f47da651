-- needs grants
-- Extend a node's lease, write its row, end leases that have expired, and say what is new.
-- KEYS[1] to [3] see clock, [4] node      ARGV[1] to [6] see clock, [7] last order carried out
--   or '', then field, value, ... of its row
-- Answers {'ok', lease clock, run, highest epoch, directory version, mode, {field, value, ... of
--   the leader}, {node that died, ...}, {hub, epoch, ... given and not taken up},
--   {{order id, {field, value, ...}}, ...}} | {'unknown'} | {'not-live', why} | {'no-fleet'}.
-- Orders stay until a later call names them, so an answer that is lost loses none.
if not tick() then return {'no-fleet'} end
local node, inc = ARGV[5], ARGV[6]
if redis.call('EXISTS', KEYS[4]) == 0 then return {'unknown'} end
local ended = caller_ended()
if ended then return ended end
redis.call('HSET', KEYS[4], unpack(ARGV, 8))
redis.call('HDEL', KEYS[4], 'suspected_ms')
extend(node)

local died = {}
if not clock.in_grace then
  local expired = redis.call('ZRANGEBYSCORE', PREFIX .. 'leases', '-inf', '(' .. whole(clock.ms),
    'LIMIT', 0, 20)
  for _, other in ipairs(expired) do
    if judged(other, node) and not redis.call('ZSCORE', PREFIX .. 'leases', other) then
      table.insert(died, other)
    end
  end
end

local assigned, row = {}, redis.call('HMGET', KEYS[4], 'mode', 'is_host')
local list = PREFIX .. 'node-assigned:' .. node
for _, hub in ipairs(clock.in_grace and {} or redis.call('SRANDMEMBER', list, 100)) do
  local owner = redis.call('HMGET', PREFIX .. 'owner:' .. hub, 'node', 'inc', 'epoch', 'state')
  local is_inherited = owner[1] == node and owner[2] ~= inc and row[2] == '1'
  if is_inherited then owner[3] = grant(hub, node, 'its node was restarted', node) end
  if is_inherited or (owner[1] == node and owner[2] == inc and owner[4] == 'assigned') then
    table.insert(assigned, hub)
    table.insert(assigned, owner[3])
  else
    redis.call('SREM', list, hub)
  end
end

local leader = redis.call('HGETALL', PREFIX .. 'leader')
local l = redis.call('HMGET', PREFIX .. 'leader', 'node', 'inc', 'progress_ms')
local of = l[1] and redis.call('HMGET', PREFIX .. 'node:' .. l[1], 'inc', 'state') or {}
local leads = l[1] and of[1] == l[2] and of[2] == 'up'
  and tonumber(l[3]) + clock.leader_ms >= clock.ms
if not leads then leader = {} end

local orders, after = PREFIX .. 'orders:' .. node, '-'
if ARGV[7] ~= '' then
  redis.call('XTRIM', orders, 'MINID', '=', ARGV[7])
  redis.call('XDEL', orders, ARGV[7])
  after = '(' .. ARGV[7]
end
return {'ok', whole(clock.ms), clock.run, whole(clock.highest),
  redis.call('GET', PREFIX .. 'directory-version') or '0', row[1], leader, died, assigned,
  redis.call('XRANGE', orders, after, '+', 'COUNT', 100)}
