-- needs members
-- Become leader if nobody leads, or show progress as leader. Leading ends with the node's lease.
-- KEYS[1] to [3] see clock, [4] leader      ARGV[1] to [6] see clock
-- Answers {'ok', field, value, ... of the leader there is now, none if the caller may not just
--   now} | {'not-live', why} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local ended = caller_ended()
if ended then return ended end
local node, inc = ARGV[5], ARGV[6]
local leader = redis.call('HMGET', KEYS[4], 'node', 'inc', 'epoch', 'progress_ms', 'resting',
  'resting_until_ms')
local row = leader[1] and judged(leader[1], node)
local leads = row and row.is_up and row.inc == leader[2]
  and tonumber(leader[4]) + clock.leader_ms >= clock.ms
local rests = leader[5] == node and tonumber(leader[6]) > clock.ms
if leads and leader[1] == node then
  redis.call('HINCRBY', KEYS[4], 'progress', 1)
  redis.call('HSET', KEYS[4], 'progress_ms', whole(clock.ms))
elseif not leads and not rests then
  local epoch = mint(leader[3])
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[4], 'node', node, 'inc', inc, 'epoch', epoch, 'since', NOW,
    'progress', '0', 'progress_ms', whole(clock.ms))
  note('leader', leader[1] and 'after ' .. leader[1] or 'nobody led', 'node', node,
    'epoch', epoch)
elseif not leads then
  return {'ok'}
end
local answer = redis.call('HGETALL', KEYS[4])
table.insert(answer, 1, 'ok')
return answer
