-- needs members
-- End a node's lease: in order by itself, or by the supervisor that reaped its process.
-- KEYS[1] to [3] see clock, [4] node
-- ARGV[1] to [4] see clock, [5] node's name, [6] field that says who is meant ('inc', 'process'),
--   [7] its value, [8] why, [9] 1 if a successor may be about to come
-- Answers {'ok'} | {'gone'}: that one has no lease | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local row = redis.call('HMGET', KEYS[4], ARGV[6], 'state', 'mode')
if row[1] ~= ARGV[7] or row[2] ~= 'up' then return {'gone'} end
local state = ARGV[6] == 'process' and 'dead' or 'left'
-- Who stops a node that serves most likely restarts it; one that was drained or cordoned goes.
local is_missed = ARGV[9] == '1' and (state == 'dead' or row[3] == 'serving')
finish(ARGV[5], state, ARGV[8], ARGV[5], is_missed and clock.heir_ms or 0)
return {'ok'}
