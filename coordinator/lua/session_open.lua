-- Open a session: the step that counts is the step that admits, so limits are exact. Repeating it
-- with the same session key answers the session that is there.
-- KEYS[1] hub, [2] user, [3] sessions of the hub, [4] session number, [5] session keys,
--   [6] sessions of the user, [7] sessions of the node, [8] traffic of the hub, [9] of the user
-- ARGV[1] prefix of the hub's session keys, [2] folded hub name, [3] prefix of the session's name,
--   [4] key hash, [5] machine id or '-', [6] MultiLogins of the user or 0, [7] now,
--   then field, value, ... of the record
-- Answers {'ok', name} | {'no-hub'} | {'no-user'} | {'offline'}
--   | {'hub-sessions', taken, allowed} | {'user-logins', taken, allowed}.
local known = redis.call('HGET', KEYS[5], ARGV[4])
if known then return {'ok', string.sub(known, #ARGV[2] + 2)} end

local hub = redis.call('HMGET', KEYS[1], 'name', 'online', 'max_sessions')
if not hub[1] then return {'no-hub'} end
if hub[2] ~= '1' then return {'offline'} end
if redis.call('EXISTS', KEYS[2]) == 0 then return {'no-user'} end

local allowed = tonumber(hub[3] or '0')
local taken = redis.call('SCARD', KEYS[3])
if allowed > 0 and taken >= allowed then return {'hub-sessions', taken, allowed} end

allowed = tonumber(ARGV[6])
if allowed > 0 then
  taken = 0
  for _, machine in ipairs(redis.call('HVALS', KEYS[6])) do
    -- A machine that comes again replaces its own session; one that did not say counts always.
    if machine == '-' or machine ~= ARGV[5] then taken = taken + 1 end
  end
  if taken >= allowed then return {'user-logins', taken, allowed} end
end

local name = ARGV[3] .. redis.call('INCR', KEYS[4])
local place = ARGV[2] .. ':' .. name
redis.call('HSET', ARGV[1] .. name, 'name', name, unpack(ARGV, 8))
redis.call('SADD', KEYS[3], name)
redis.call('HSET', KEYS[5], ARGV[4], place)
redis.call('HSET', KEYS[6], name, ARGV[5])
redis.call('SADD', KEYS[7], place)
for _, traffic in ipairs({KEYS[8], KEYS[9]}) do
  redis.call('HINCRBY', traffic, 'logins', 1)
  redis.call('HSET', traffic, 'last_login', ARGV[7])
end
return {'ok', name}
