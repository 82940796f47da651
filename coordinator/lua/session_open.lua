-- needs fence tickets limits left directory_state
-- Open a session: the step that counts is the step that admits, so limits are exact. Repeating it
-- with the same session key answers the session that is there. A ticket is used up by it; its place
-- was counted when it was issued.
-- KEYS[1] hub, [2] user, [3] sessions of the hub, [4] session number, [5] session keys,
--   [6] sessions of the user, [7] sessions of the node, [8] traffic of the hub, [9] of the user,
--   [10] meta, [11] directory version
-- ARGV[1] prefix of all keys, [2] folded hub name, [3] prefix of the session's name,
--   [4] key hash, [5] machine id or '-', [6] MultiLogins of the user or 0, [7] now,
--   [8] folded user name, [9] node, [10] its incarnation, [11] epoch under which it has the hub,
--   [12] hash of the ticket or '', [13] state of the directory by which the login was judged, or '',
--   [14] the client's address and the name of its host, then field, value, ... of the record
-- Answers {'ok', name, addresses behind the sessions it goes on from, or ' '} | {'no-hub'}
--   | {'no-user'} | {'offline'} | {'stale', current epoch} | {'ticket-unknown'}
--   | {'ticket-elsewhere'} | {'directory-changed'}
--   | {'hub-sessions' or 'user-logins', taken, allowed, may change}.

-- Answers the addresses last seen behind the sessions that this client goes on from: where hubs have
-- bridges, a LAN is to learn who is here now. That is every session of his that nobody is at: its
-- node ended, or the client left. And the one he has at another node, for that need not be known to
-- be dead yet; of two, nobody knows which, and of a thousand too many are to be looked through. Who
-- the same client is: see `waiting`.
local function left_behind(prefix, hub, user, machine, origin, node, inc)
  local all = prefix .. 'user-sessions:' .. hub .. ':' .. user
  if redis.call('EXISTS', prefix .. 'bridges') == 0 or redis.call('HLEN', all) > 1000 then
    return ''
  end
  local found, elsewhere, sessions = {}, {}, redis.call('HGETALL', all)
  for i = 1, #sessions, 2 do
    local row = redis.call('HMGET', prefix .. 'session:' .. hub .. ':' .. sessions[i], 'node',
      'inc', 'adopted', 'connections', 'macs', 'address', 'host_name', 'created', 'seen')
    local address = string.match(row[6] or '', '^(.*):%d+$') or ''
    if (machine ~= '-' and sessions[i + 1] == machine)
      or address .. ' ' .. (row[7] or '') == origin then
      local home = redis.call('HMGET', prefix .. 'node:' .. (row[1] or ''), 'state', 'inc')
      local is_orphan = row[2] ~= '0' and (home[1] ~= 'up' or home[2] ~= row[2])
      -- One that was never reported on has just begun.
      local is_empty = row[4] == '0' and ((row[3] or '') ~= '' or row[8] ~= row[9])
      if is_orphan or is_empty then
        table.insert(found, row[5])
      elseif row[1] ~= node or row[2] ~= inc then
        table.insert(elsewhere, row[5] or '')
      end
    end
  end
  if #elsewhere == 1 then table.insert(found, elsewhere[1]) end
  return table.concat(found, ' ')
end

local known = redis.call('HGET', KEYS[5], ARGV[4])
if known then return {'ok', string.sub(known, #ARGV[2] + 2)} end

if ARGV[13] ~= '' and directory_state(KEYS[10], KEYS[11]) ~= ARGV[13] then
  return {'directory-changed'}
end
local prefix, ticket_hash = ARGV[1], ARGV[12]
local hub = redis.call('HMGET', KEYS[1], 'name', 'online', 'max_sessions')
if not hub[1] then return {'no-hub'} end
if hub[2] ~= '1' then return {'offline'} end
if redis.call('EXISTS', KEYS[2]) == 0 then return {'no-user'} end
local stale = fenced(prefix, ARGV[2], ARGV[9], ARGV[10], ARGV[11])
if stale then return stale end

if ticket_hash ~= '' then
  local ticket = redis.call('HMGET', prefix .. 'ticket:' .. ticket_hash, 'hub', 'user', 'node',
    'expires_ms')
  local clock_ms = tonumber(redis.call('HGET', prefix .. 'meta', 'clock_ms') or '0')
  if not ticket[1] or tonumber(ticket[4]) <= clock_ms then return {'ticket-unknown'} end
  if string.lower(ticket[1]) ~= ARGV[2] or string.lower(ticket[2]) ~= ARGV[8]
    or ticket[3] ~= ARGV[9] then return {'ticket-elsewhere'} end
  void(prefix, ticket_hash)
else
  local most, logins = tonumber(hub[3] or '0'), tonumber(ARGV[6])
  local full = over_limit(prefix, ARGV[2], ARGV[8], most, ARGV[5], logins, ARGV[14], ARGV[9])
  if full then return full end
end

local macs = left_behind(prefix, ARGV[2], ARGV[8], ARGV[5], ARGV[14], ARGV[9], ARGV[10])
  .. ' ' .. take_hints(prefix, ARGV[2], ARGV[8], ARGV[5], ARGV[14])
local name = ARGV[3] .. redis.call('INCR', KEYS[4])
local place = ARGV[2] .. ':' .. name
redis.call('HSET', prefix .. 'session:' .. place, 'name', name, unpack(ARGV, 15))
redis.call('SADD', KEYS[3], name)
redis.call('HSET', KEYS[5], ARGV[4], place)
redis.call('HSET', KEYS[6], name, ARGV[5])
redis.call('SADD', KEYS[7], place)
weigh(prefix, ARGV[9])
for _, traffic in ipairs({KEYS[8], KEYS[9]}) do
  redis.call('HINCRBY', traffic, 'logins', 1)
  redis.call('HSET', traffic, 'last_login', ARGV[7])
end
return {'ok', name, macs}
