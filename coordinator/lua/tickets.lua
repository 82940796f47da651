-- needs load
-- Shared by the steps that issue, use and end tickets.

-- Remove a ticket and the place it holds. Answers false if it was gone.
local function void(prefix, hash)
  redis.call('ZREM', prefix .. 'tickets', hash)
  local ticket = redis.call('HMGET', prefix .. 'ticket:' .. hash, 'hub', 'user', 'node')
  if not ticket[1] then return false end
  local hub, user = string.lower(ticket[1]), string.lower(ticket[2]) -- A-Z only, as names.fold
  redis.call('DEL', prefix .. 'ticket:' .. hash)
  redis.call('SREM', prefix .. 'hub-tickets:' .. hub, hash)
  redis.call('HDEL', prefix .. 'user-tickets:' .. hub .. ':' .. user, hash)
  redis.call('SREM', prefix .. 'node-tickets:' .. ticket[3], hash)
  weigh(prefix, ticket[3])
  return true
end

-- Remove tickets that are good no more, 100 at most. Answers how many.
local function expire_tickets(prefix, clock_ms)
  local expired = redis.call('ZRANGEBYSCORE', prefix .. 'tickets', '-inf', clock_ms,
    'LIMIT', 0, 100)
  for _, hash in ipairs(expired) do void(prefix, hash) end
  return #expired
end
