-- Shared by the steps that change how much a node carries.

-- Note a node's share of what it can carry: its sessions, the places held by tickets, and a place
-- for each hub it was given and has not taken up. Ordered by it, nodes are ordered by the
-- reference's point. Only nodes that may be chosen have one.
local function weigh(prefix, node)
  if not redis.call('ZSCORE', prefix .. 'load', node) then return end
  local row = redis.call('HMGET', prefix .. 'node:' .. node, 'weight', 'max_sessions')
  local weight, most = tonumber(row[1]) or 0, tonumber(row[2]) or 0
  if weight == 0 then weight = 100 end
  if most == 0 then most = 100000 end
  local taken = redis.call('SCARD', prefix .. 'node-sessions:' .. node)
    + redis.call('SCARD', prefix .. 'node-tickets:' .. node)
    + redis.call('SCARD', prefix .. 'node-assigned:' .. node)
  redis.call('ZADD', prefix .. 'load', 'XX', math.min(taken * 100 / weight, most) / most, node)
end
