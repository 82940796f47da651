-- needs clock forget
-- End a session whose node died and which nobody took over in time.
-- KEYS[1] to [3] see clock, [4] session
-- ARGV[1] to [4] see clock, [5] folded hub name, [6] session's name, [7] ms its client has had to
--   come back
-- Answers {'ok'} | {'kept'}: it is somebody's, or may be yet | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local record = redis.call('HMGET', KEYS[4], 'node', 'inc')
if not record[1] then return {'kept'} end
local row = redis.call('HMGET', PREFIX .. 'node:' .. record[1], 'state', 'inc', 'began_ms',
  'ended_ms')
if row[1] == 'up' and row[2] == record[2] then return {'kept'} end
local since = row[1] == 'up' and row[3] or row[4]
if since and tonumber(since) + tonumber(ARGV[7]) > clock.ms then return {'kept'} end
forget(PREFIX, ARGV[5], ARGV[6])
return {'ok'}
