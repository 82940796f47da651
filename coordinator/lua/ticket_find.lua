-- needs clock tickets
-- Say what a ticket is for. It is used up by `session_open` only.
-- KEYS[1] to [3] see clock, [4] ticket
-- ARGV[1] to [4] see clock, [5] folded name of the hub it was brought to, [6] the node
-- Answers {'ok', field, value, ...} | {'ticket-unknown'} | {'ticket-elsewhere'} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local ticket = redis.call('HMGET', KEYS[4], 'expires_ms', 'hub', 'node')
if not ticket[1] or tonumber(ticket[1]) <= clock.ms then return {'ticket-unknown'} end
if string.lower(ticket[2]) ~= ARGV[5] or ticket[3] ~= ARGV[6] then return {'ticket-elsewhere'} end
local answer = redis.call('HGETALL', KEYS[4])
table.insert(answer, 1, 'ok')
return answer
