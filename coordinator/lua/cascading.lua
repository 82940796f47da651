-- Shared by the steps that change cascades.

-- Note whether a hub has any cascade that is online.
local function recount(prefix, hub)
  for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'cascades:' .. hub)) do
    if redis.call('HGET', prefix .. 'cascade:' .. hub .. ':' .. name, 'online') == '1' then
      redis.call('SADD', prefix .. 'cascading', hub)
      return
    end
  end
  redis.call('SREM', prefix .. 'cascading', hub)
end
