-- needs grants tickets limits
-- Choose the host of a session and hold a place for it there, by a ticket.
-- KEYS[1] to [3] see clock, [4] hub, [5] its owner, [6] user, [7] sessions of the hub, [8] of the
--   user, [9] ticket
-- ARGV[1] to [6] see clock, [7] folded hub name, [8] 1: the client cannot be redirected, [9] folded
--   user name, [10] machine id or '-', [11] MultiLogins or 0, [12] hash of the ticket,
--   [13] the client's address and the name of its host, then field, value, ... of the ticket
-- Answers what `placed` says | {'no-hub'} | {'offline'} | {'no-user'}
--   | {'hub-sessions' or 'user-logins', taken, allowed, may change} | {'not-live', why}
--   | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local ended = caller_ended()
if ended then return ended end
local caller, hub, stays = ARGV[5], ARGV[7], ARGV[8] == '1'
expire_tickets(PREFIX, clock.ms)
void(PREFIX, ARGV[12]) -- asked again, because the answer was lost

local settings = redis.call('HMGET', KEYS[4], 'name', 'online', 'kind', 'max_sessions')
if not settings[1] then return {'no-hub'} end
if settings[2] ~= '1' then return {'offline'} end
if redis.call('EXISTS', KEYS[6]) == 0 then return {'no-user'} end
local most = tonumber(settings[4] or '0')
local full = over_limit(PREFIX, hub, ARGV[9], most, ARGV[10], tonumber(ARGV[11]), ARGV[13], caller)
if full then return full end

local found
if settings[3] == 'dynamic' then
  found = place(hub, caller, stays, true)
else
  local is_here = stays and has_room(caller) and not refuses(caller, hub)
  local node = is_here and caller or choose(caller, true, nil, hub)
  local inc = node and redis.call('HGET', PREFIX .. 'node:' .. node, 'inc')
  found = node and {node = node, inc = inc, epoch = '0', state = 'active'}
end
if found and found.node then
  redis.call('HSET', KEYS[9], 'node', found.node, 'epoch', found.epoch,
    'expires_ms', whole(clock.ms + clock.ticket_ms), unpack(ARGV, 14))
  redis.call('ZADD', PREFIX .. 'tickets', whole(clock.ms + clock.ticket_ms), ARGV[12])
  redis.call('SADD', PREFIX .. 'hub-tickets:' .. hub, ARGV[12])
  redis.call('HSET', PREFIX .. 'user-tickets:' .. hub .. ':' .. ARGV[9], ARGV[12], ARGV[10])
  redis.call('SADD', PREFIX .. 'node-tickets:' .. found.node, ARGV[12])
  weigh(PREFIX, found.node)
end
return placed(found)
