-- Shared by the steps that admit sessions.

-- Which sessions of this user wait for this client, because their node ended or they were taken
-- over? Whoever comes again takes their place: they must not keep him out. It is the same client if
-- it names the same machine, or comes from the same address under the same name of a host: the
-- machine id of a stock client changes with the addresses its computer has, the VPN's included.
-- Answers how many, how many of these name another machine, and '1' if that may soon be more: the
-- client has a session at another node than `here` that nobody has found dead, or one waits, and
-- others are being replaced just now that are still counted twice. A thousand are looked at, at most.
local function waiting(prefix, hub, user, machine, origin, here)
  local count, others, may_follow = 0, 0, '0'
  local sessions = redis.call('HGETALL', prefix .. 'user-sessions:' .. hub .. ':' .. user)
  for i = 1, math.min(#sessions, 2000), 2 do
    local row = redis.call('HMGET', prefix .. 'session:' .. hub .. ':' .. sessions[i],
      'adopted', 'connections', 'node', 'inc', 'address', 'host_name')
    local address = string.match(row[5] or '', '^(.*):%d+$') or ''
    local is_same = machine ~= '-' and sessions[i + 1] == machine
    if is_same or address .. ' ' .. (row[6] or '') == origin then
      local node = redis.call('HMGET', prefix .. 'node:' .. (row[3] or ''), 'state', 'inc')
      local is_orphan = row[4] and row[4] ~= '0' and (node[1] ~= 'up' or node[2] ~= row[4])
      local is_left = row[1] and row[1] ~= '' and row[2] == '0'
      if is_orphan or is_left or row[3] ~= here then may_follow = '1' end
      if is_orphan or is_left then
        count = count + 1
        if not is_same then others = others + 1 end
      end
    end
  end
  return count, others, may_follow
end

-- Is there room in a hub, and for one more login of a user? A ticket counts as a session.
-- Answers nil, or what is full: {word, taken, allowed, '1' if that may change in a moment}.
local function over_limit(prefix, hub, user, most, machine, logins, origin, here)
  local taken, logged_in = redis.call('SCARD', prefix .. 'sessions:' .. hub)
    + redis.call('SCARD', prefix .. 'hub-tickets:' .. hub), 0
  if logins > 0 then
    for _, kind in ipairs({'user-sessions:', 'user-tickets:'}) do
      for _, other in ipairs(redis.call('HVALS', prefix .. kind .. hub .. ':' .. user)) do
        -- A machine that comes again replaces its own session; one that did not say counts always.
        if other == '-' or other ~= machine then logged_in = logged_in + 1 end
      end
    end
  end
  local is_full, is_in = most > 0 and taken >= most, logins > 0 and logged_in >= logins
  if not is_full and not is_in then return nil end
  local count, others, may_follow = waiting(prefix, hub, user, machine, origin, here)
  if is_full and taken - count >= most then return {'hub-sessions', taken, most, may_follow} end
  if is_in and logged_in - others >= logins then
    return {'user-logins', logged_in, logins, may_follow}
  end
  return nil
end
