-- Shared by the steps that admit sessions.

-- How many sessions of this user on this machine wait for their client, because their node ended or
-- they were taken over? Whoever comes again takes their place: they must not keep him out.
local function waiting(prefix, hub, user, machine)
  if machine == '-' then return 0 end
  local count = 0
  local sessions = redis.call('HGETALL', prefix .. 'user-sessions:' .. hub .. ':' .. user)
  for i = 1, #sessions, 2 do
    if sessions[i + 1] == machine then
      local row = redis.call('HMGET', prefix .. 'session:' .. hub .. ':' .. sessions[i],
        'adopted', 'connections', 'node', 'inc')
      local node = redis.call('HMGET', prefix .. 'node:' .. (row[3] or ''), 'state', 'inc')
      local is_orphan = row[4] and row[4] ~= '0' and (node[1] ~= 'up' or node[2] ~= row[4])
      local is_left = row[1] and row[1] ~= '' and row[2] == '0'
      if is_orphan or is_left then count = count + 1 end
    end
  end
  return count
end

-- Is there room in a hub, and for one more login of a user? A ticket counts as a session.
-- Answers nil, or what is full: {word, taken, allowed}.
local function over_limit(prefix, hub, user, most, machine, logins)
  local taken = redis.call('SCARD', prefix .. 'sessions:' .. hub)
    + redis.call('SCARD', prefix .. 'hub-tickets:' .. hub)
  if most > 0 and taken >= most and taken - waiting(prefix, hub, user, machine) >= most then
    return {'hub-sessions', taken, most}
  end
  if logins == 0 then return nil end
  taken = 0
  for _, kind in ipairs({'user-sessions:', 'user-tickets:'}) do
    for _, other in ipairs(redis.call('HVALS', prefix .. kind .. hub .. ':' .. user)) do
      -- A machine that comes again replaces its own session; one that did not say counts always.
      if other == '-' or other ~= machine then taken = taken + 1 end
    end
  end
  if taken >= logins then return {'user-logins', taken, logins} end
  return nil
end
