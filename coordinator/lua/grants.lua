-- needs members
-- Shared by the steps that give hubs to nodes. A grant is the record `owner:<hub>`.

-- Take a hub out of what is recorded for a node.
local function strike(hub, node)
  redis.call('SREM', PREFIX .. 'node-hubs:' .. node, hub)
  redis.call('SREM', PREFIX .. 'node-assigned:' .. node, hub)
  weigh(PREFIX, node)
end

-- Give a hub to a node under a new epoch. Answers that.
local function grant(hub, node, why, by)
  local owner = redis.call('HMGET', PREFIX .. 'owner:' .. hub, 'node', 'epoch')
  if owner[1] and owner[1] ~= node then strike(hub, owner[1]) end
  local epoch = mint(owner[2])
  local inc = redis.call('HGET', PREFIX .. 'node:' .. node, 'inc')
  redis.call('HSET', PREFIX .. 'owner:' .. hub, 'hub', hub, 'node', node, 'inc', inc,
    'epoch', epoch, 'state', 'assigned', 'since', NOW, 'why', why,
    'assigned_ms', whole(clock.ms), 'epoch_before', owner[2] or '0')
  redis.call('HDEL', PREFIX .. 'owner:' .. hub, 'stayed', 'stays')
  redis.call('SADD', PREFIX .. 'node-hubs:' .. node, hub)
  redis.call('SADD', PREFIX .. 'node-assigned:' .. node, hub)
  weigh(PREFIX, node)
  note('grant', why, 'node', node, 'hub', hub, 'epoch', epoch, 'by', by)
  return epoch
end

-- Has a node said that it cannot have a bridge of this hub?
local function refuses(node, hub)
  local said = redis.call('HGET', PREFIX .. 'node:' .. node, 'refuses')
  return said and string.find(',' .. said .. ',', ',' .. hub .. ',', 1, true) ~= nil
end

-- Answers the best node: of those that may be chosen, hold a valid lease and have room, the one
-- with the least share. With `reachable` a redirect must lead there, or it is the caller. With
-- `hub` it must not refuse that. nil: none.
local function choose(caller, reachable, except, hub)
  local first = 0
  while true do
    local page = redis.call('ZRANGEBYSCORE', PREFIX .. 'load', '-inf', '(1', 'LIMIT', first, 16)
    if #page == 0 then return nil end
    for _, node in ipairs(page) do
      local expires = tonumber(redis.call('ZSCORE', PREFIX .. 'leases', node) or '-1')
      if node ~= except and expires >= clock.ms and not (hub and refuses(node, hub)) then
        if not reachable or node == caller
          or (redis.call('HGET', PREFIX .. 'node:' .. node, 'direct_address') or '') ~= '' then
          return node
        end
      end
    end
    first = first + 16
  end
end

-- Answers the one of `nodes` with the least share, of those that may be chosen. nil: none.
local function choose_of(nodes, except, hub)
  local best, least
  for _, node in ipairs(nodes) do
    local share = tonumber(redis.call('ZSCORE', PREFIX .. 'load', node) or '1')
    local expires = tonumber(redis.call('ZSCORE', PREFIX .. 'leases', node) or '-1')
    local may = node ~= except and not (hub and refuses(node, hub))
    if may and share < 1 and expires >= clock.ms and (not least or share < least) then
      best, least = node, share
    end
  end
  return best
end

-- May the caller carry sessions, and is there room on it?
local function has_room(node)
  local share = redis.call('ZSCORE', PREFIX .. 'load', node)
  return share and tonumber(share) < 1
end

-- Answers the hub's owner: {node, inc, epoch, state}; or {wait_ms, why}; or {} if it may be given
-- away, then with `heir`, if the owner was restarted under its name.
local function find_owner(hub, by)
  local owner = redis.call('HMGET', PREFIX .. 'owner:' .. hub, 'node', 'inc', 'epoch', 'state',
    'assigned_ms')
  local wait = {wait_ms = 100, why = 'grace'}
  local node = owner[1]
  if not node then return clock.in_grace and wait or {} end
  local row = judged(node, by)
  if clock.in_grace then
    -- An old copy may name an owner that has handed the hub over since: ask it first.
    local is_sure = row and row.is_up and row.inc == owner[2] and owner[4] == 'active'
      and redis.call('SISMEMBER', PREFIX .. 'unreconciled', node) == 0
    if not is_sure then return wait end
  end
  if row and row.is_up and row.inc == owner[2] then
    local is_late = owner[4] == 'assigned' and tonumber(owner[5]) + clock.assign_ms < clock.ms
    if is_late then return {} end
    return {node = node, inc = owner[2], epoch = owner[3], state = owner[4]}
  end
  if row and row.is_up then return row.is_host and {heir = node} or {} end
  if row and row.heir_until_ms > clock.ms then
    return {wait_ms = math.min(100, row.heir_until_ms - clock.ms), why = 'heir'}
  end
  return {}
end

-- Find the hub's owner, or make one: the caller if it asks for that, else the best node. Answers
-- {node, inc, epoch, state}, {wait_ms, why}, or nil if no node may take it.
local function place(hub, caller, here, reachable)
  local owner = find_owner(hub, caller)
  if owner.node or owner.wait_ms then return owner end
  local node, why = owner.heir, 'its node was restarted'
  if not node then
    why = 'placed'
    node = here and has_room(caller) and caller
    -- Without its LAN a dynamic hub is still of use; with it, it is of more.
    if not node or refuses(node, hub) then
      node = choose(caller, reachable, nil, hub) or node or choose(caller, reachable)
    end
  end
  if not node then return nil end
  local epoch = grant(hub, node, why, caller)
  local inc = redis.call('HGET', PREFIX .. 'node:' .. node, 'inc')
  return {node = node, inc = inc, epoch = epoch, state = 'assigned'}
end

-- What `place` found, as steps answer it: {'ok', node, incarnation, epoch, state, address of
-- redirects, their TCP ports} | {'wait', ms, why} | {'nobody'}.
local function placed(found)
  if not found then return {'nobody'} end
  if found.wait_ms then return {'wait', whole(found.wait_ms), found.why} end
  local row = redis.call('HMGET', PREFIX .. 'node:' .. found.node, 'direct_address',
    'direct_tcp_ports')
  return {'ok', found.node, found.inc, found.epoch, found.state, row[1] or '', row[2] or ''}
end

-- Does the record still say so? Answers nil, or {'stale', current epoch}.
local function not_owner(hub, node, inc, epoch)
  local owner = redis.call('HMGET', PREFIX .. 'owner:' .. hub, 'node', 'inc', 'epoch')
  if owner[1] == node and owner[2] == inc and owner[3] == epoch then return nil end
  return {'stale', owner[3] or '0'}
end
