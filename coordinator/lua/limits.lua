-- Shared by the steps that admit sessions.

-- Is there room in a hub, and for one more login of a user? A ticket counts as a session.
-- Answers nil, or what is full: {word, taken, allowed}.
local function over_limit(prefix, hub, user, most, machine, logins)
  local taken = redis.call('SCARD', prefix .. 'sessions:' .. hub)
    + redis.call('SCARD', prefix .. 'hub-tickets:' .. hub)
  if most > 0 and taken >= most then return {'hub-sessions', taken, most} end
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
