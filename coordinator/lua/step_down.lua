-- needs clock
-- End the leadership. The same node may not lead again before others had a lease's life to.
-- KEYS[1] to [3] see clock, [4] leader      ARGV[1] to [4] see clock, [5] why
-- Answers {'ok', who led} | {'vacant'} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local node = redis.call('HGET', KEYS[4], 'node')
if not node then return {'vacant'} end
local epoch = redis.call('HGET', KEYS[4], 'epoch')
redis.call('HDEL', KEYS[4], 'node', 'inc')
redis.call('HSET', KEYS[4], 'resting', node, 'resting_until_ms', whole(clock.ms + clock.ttl_ms))
note('step-down', ARGV[5], 'node', node, 'epoch', epoch)
return {'ok', node}
