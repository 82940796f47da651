-- needs grants
-- Say where a dynamic hub is; give it to a node if nobody has it. With [9] the same for a static
-- one that has an online cascade: its owner runs those, and nothing else.
-- KEYS[1] to [3] see clock, [4] hub, [5] its owner
-- ARGV[1] to [6] see clock, [7] folded hub name, [8] 1: to the caller, if it may carry sessions,
--   [9] 1: for its cascades
-- Answers what `placed` says | {'no-hub'} | {'offline'} | {'static'} | {'not-live', why}
--   | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local ended = caller_ended()
if ended then return ended end
local hub = redis.call('HMGET', KEYS[4], 'name', 'online', 'kind')
if not hub[1] then return {'no-hub'} end
if hub[2] ~= '1' then return {'offline'} end
if hub[3] ~= 'dynamic' and not (ARGV[9] == '1'
  and redis.call('SISMEMBER', PREFIX .. 'cascading', ARGV[7]) == 1) then return {'static'} end
return placed(place(ARGV[7], ARGV[5], ARGV[8] == '1', false))
