-- needs tickets left
-- Shared by the steps that end sessions; their keys follow from the record, which alone knows the
-- node and the user. All are of one hash tag, so they are where KEYS is.

-- Remove a session's record and every index entry, and leave what was behind it for whoever comes
-- next. Answers its node and key hash, nil if gone.
local function forget(prefix, hub, session)
  local place = hub .. ':' .. session
  local record = redis.call('HMGET', prefix .. 'session:' .. place, 'node', 'user', 'key_hash',
    'macs', 'address', 'host_name')
  redis.call('SREM', prefix .. 'sessions:' .. hub, session)
  if not record[1] then return nil end
  local user = string.lower(record[2]) -- A-Z only, as names.fold
  local machine = redis.call('HGET', prefix .. 'user-sessions:' .. hub .. ':' .. user, session)
  local address = string.match(record[5] or '', '^(.*):%d+$') or ''
  local origin = address .. ' ' .. (record[6] or '')
  leave_hints(prefix, hub, user, machine or '-', origin, record[4] or '')
  redis.call('DEL', prefix .. 'session:' .. place)
  redis.call('HDEL', prefix .. 'session-keys', record[3])
  redis.call('HDEL', prefix .. 'user-sessions:' .. hub .. ':' .. user, session)
  redis.call('SREM', prefix .. 'node-sessions:' .. record[1], place)
  weigh(prefix, record[1])
  return record[1], record[3]
end

-- Forget a session and order its node to end it. Answers 1, or 0 if it was gone.
local function drop(prefix, hub, session)
  local node, key_hash = forget(prefix, hub, session)
  if not node then return 0 end
  redis.call('XADD', prefix .. 'orders:' .. node, 'MAXLEN', '~', 10000, '*',
    'order', 'drop-session', 'hub', hub, 'session', session, 'key_hash', key_hash)
  return 1
end
