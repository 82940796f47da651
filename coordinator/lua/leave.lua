-- needs members
-- End a node's lease: in order by itself, or by the supervisor that reaped its process.
-- KEYS[1] to [3] see clock, [4] node
-- ARGV[1] to [4] see clock, [5] node's name, [6] field that says who is meant ('inc', 'process'),
--   [7] its value, [8] why, [9] 1 if a successor is about to come
-- Answers {'ok'} | {'gone'}: that one has no lease | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local row = redis.call('HMGET', KEYS[4], ARGV[6], 'state')
if row[1] ~= ARGV[7] or row[2] ~= 'up' then return {'gone'} end
if ARGV[9] == '1' then
  finish(ARGV[5], 'dead', ARGV[8], ARGV[5], clock.heir_ms)
else
  finish(ARGV[5], 'left', ARGV[8], ARGV[5], 0)
end
return {'ok'}
