-- Shared by the steps that write about a session: only the owner of a dynamic hub may.

-- Answers nil if `node` holds the hub under this incarnation and epoch and is not declared dead;
-- else counts and answers {'stale', current epoch}. A hub that was never placed has no epoch: 0.
-- Nor has a static one: who owns it owns its cascades, and its sessions are everybody's.
local function fenced(prefix, hub, node, inc, epoch)
  local owner = redis.call('HMGET', prefix .. 'owner:' .. hub, 'epoch', 'node', 'inc', 'state')
  if epoch == '0' and (not owner[1]
    or redis.call('HGET', prefix .. 'hub:' .. hub, 'kind') == 'static') then return nil end
  if owner[1] == epoch and owner[2] == node and owner[3] == inc and owner[4] == 'active' then
    local row = redis.call('HMGET', prefix .. 'node:' .. node, 'inc', 'state')
    if row[1] == inc and row[2] == 'up' then return nil end
  end
  redis.call('HINCRBY', prefix .. 'meta', 'fenced', 1)
  return {'stale', owner[1] or '0'}
end
