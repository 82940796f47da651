-- needs grants
-- Begin a new incarnation of a node; it succeeds the one before, if that is over or provably gone.
-- KEYS[1] to [3] see clock, [4] node      ARGV[1] to [4] see clock, [5] node's name,
--   then field, value, ... of its row
-- Answers {'ok', incarnation, run} | {'busy', ms until it may be ended, its host, its pid}
--   | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local node, row = ARGV[5], judged(ARGV[5], ARGV[5])
if row and row.is_up then
  local new = {}
  for i = 6, #ARGV, 2 do new[ARGV[i]] = ARGV[i + 1] end
  local old = redis.call('HMGET', KEYS[4], 'boot', 'host', 'pid')
  local channel = PREFIX .. 'presence:' .. node .. ':' .. row.inc
  local present = redis.call('PUBSUB', 'NUMSUB', channel)[2]
  -- On one and the same start of a host the kernel has closed what a process that ended had open.
  if new.boot == '' or old[1] ~= new.boot or present > 0 then
    return {'busy', whole(math.max(0, row.expires_ms - clock.ms) + 1), old[2], old[3]}
  end
  finish(node, 'dead', 'succeeded by another process on its host', node, 0)
end
local mode = row and row.mode or 'serving'
local drain_rate = redis.call('HGET', KEYS[4], 'drain_rate')
local inc = mint(row and row.inc)
redis.call('DEL', KEYS[4])
redis.call('HSET', KEYS[4], unpack(ARGV, 6))
redis.call('HSET', KEYS[4], 'inc', inc, 'state', 'up', 'mode', mode, 'why', 'registered',
  'began_ms', whole(clock.ms))
if drain_rate then redis.call('HSET', KEYS[4], 'drain_rate', drain_rate) end
redis.call('SADD', PREFIX .. 'nodes', node)
-- What is recorded for the name comes back with the renewals.
redis.call('SUNIONSTORE', PREFIX .. 'node-assigned:' .. node, PREFIX .. 'node-hubs:' .. node)
extend(node)
note('register', 'began', 'node', node, 'epoch', inc)
return {'ok', inc, clock.run}
