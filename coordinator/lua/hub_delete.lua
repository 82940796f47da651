-- needs forget
-- Delete a hub with everything in it, at most ARGV[3] sessions, users and groups a call: no step may
-- take long. From the first call on the hub admits nobody, so repeating comes to an end.
-- KEYS[1] hub, [2] hubs, [3] its users, [4] its sessions, [5] session number, [6] hub traffic,
--   [7] directory version      ARGV[1] prefix of all keys, [2] folded hub name, [3] batch
-- Answers {'done' | 'more', sessions ended by this call} | {'no-hub'}.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'no-hub'} end
local prefix, hub, batch = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'online', '0', 'removing', '1')
redis.call('INCR', KEYS[7])
local ended = 0
for _, session in ipairs(redis.call('SRANDMEMBER', KEYS[4], batch)) do
  ended = ended + drop(prefix, hub, session)
end
for _, user in ipairs(redis.call('SPOP', KEYS[3], batch)) do
  local name = hub .. ':' .. user
  redis.call('DEL', prefix .. 'user:' .. name, prefix .. 'traffic:user:' .. name)
end
local groups = prefix .. 'groups:' .. hub
for _, group in ipairs(redis.call('SPOP', groups, batch)) do
  redis.call('DEL', prefix .. 'group:' .. hub .. ':' .. group)
end
local tickets = prefix .. 'hub-tickets:' .. hub
for _, ticket in ipairs(redis.call('SRANDMEMBER', tickets, batch)) do void(prefix, ticket) end
if redis.call('EXISTS', KEYS[3], KEYS[4], tickets, groups) > 0 then return {'more', ended} end
local owner = redis.call('HGET', prefix .. 'owner:' .. hub, 'node')
if owner then
  redis.call('SREM', prefix .. 'node-hubs:' .. owner, hub)
  redis.call('SREM', prefix .. 'node-assigned:' .. owner, hub)
end
for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'cascades:' .. hub)) do
  local place = hub .. ':' .. name
  redis.call('DEL', prefix .. 'cascade:' .. place, prefix .. 'cascade-status:' .. place)
end
redis.call('DEL', prefix .. 'cascades:' .. hub)
redis.call('SREM', prefix .. 'cascading', hub)
redis.call('DEL', prefix .. 'owner:' .. hub) -- a hub of the same name gets a higher epoch anyway
redis.call('DEL', KEYS[1], KEYS[5], KEYS[6], prefix .. 'hub-administration:' .. hub)
redis.call('DEL', prefix .. 'access:' .. hub, prefix .. 'sources:' .. hub,
  prefix .. 'authorities:' .. hub, prefix .. 'revocations:' .. hub)
redis.call('SREM', KEYS[2], hub)
for _, rule in ipairs(redis.call('HKEYS', prefix .. 'bridges')) do
  if string.sub(rule, 1, #hub + 1) == hub .. '/' then redis.call('HDEL', prefix .. 'bridges', rule) end
end
return {'done', ended}
