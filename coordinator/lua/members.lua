-- needs clock load
-- Shared by the steps about nodes and their leases.

-- End an incarnation: from here on, and only from here on, what it owned may go to others; after
-- `heir_ms` if a successor is expected.
local function finish(node, state, why, by, heir_ms)
  local inc = redis.call('HGET', PREFIX .. 'node:' .. node, 'inc')
  redis.call('HSET', PREFIX .. 'node:' .. node, 'state', state, 'why', why, 'ended', NOW,
    'ended_ms', whole(clock.ms), 'heir_until_ms', whole(clock.ms + heir_ms))
  redis.call('ZREM', PREFIX .. 'leases', node)
  redis.call('ZREM', PREFIX .. 'load', node)
  redis.call('SREM', PREFIX .. 'unreconciled', node)
  note(state, why, 'node', node, 'epoch', inc, 'by', by)
end

-- Answers a node's row as a table, nil if there is none, after ending its lease if that is due.
local function judged(node, by)
  local row = redis.call('HMGET', PREFIX .. 'node:' .. node, 'inc', 'state', 'expires_ms',
    'heir_until_ms', 'is_host', 'mode', 'direct_address', 'direct_tcp_ports', 'why')
  if not row[1] then return nil end
  local found = {inc = row[1], is_up = row[2] == 'up', expires_ms = tonumber(row[3]),
    heir_until_ms = tonumber(row[4]) or 0, is_host = row[5] == '1', mode = row[6],
    address = row[7] or '', tcp_ports = row[8] or '', why = row[9] or ''}
  if found.is_up and found.expires_ms < clock.ms and not clock.in_grace then
    found.why = 'lease expired ' .. whole(clock.ms - found.expires_ms) .. ' ms ago'
    finish(node, 'dead', found.why, by, 0)
    found.is_up = false
  end
  return found
end

-- Answers nil if the caller's incarnation is not ended, else {'not-live', why}. Its lease may have
-- expired: as long as nobody said so, nothing was taken from it.
local function caller_ended()
  local row = redis.call('HMGET', PREFIX .. 'node:' .. ARGV[5], 'inc', 'state', 'why')
  if row[1] == ARGV[6] and row[2] == 'up' then return nil end
  if not row[1] then return {'not-live', 'the store has no such node'} end
  if row[1] ~= ARGV[6] then return {'not-live', 'another process runs as this node'} end
  return {'not-live', row[2] .. ': ' .. row[3]}
end

-- Give a node the full life of a lease, and let it be chosen, or not.
local function extend(node)
  local expires = whole(clock.ms + clock.ttl_ms)
  local row = redis.call('HMGET', PREFIX .. 'node:' .. node, 'is_host', 'mode')
  redis.call('HSET', PREFIX .. 'node:' .. node, 'expires_ms', expires)
  redis.call('ZADD', PREFIX .. 'leases', expires, node)
  if row[1] ~= '1' or row[2] ~= 'serving' then
    redis.call('ZREM', PREFIX .. 'load', node)
    return
  end
  redis.call('ZADD', PREFIX .. 'load', 'NX', 0, node)
  weigh(PREFIX, node)
end
