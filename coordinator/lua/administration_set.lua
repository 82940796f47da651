-- Say how the fleet, or a hub, is administered.
-- KEYS[1] record, KEYS[2] the hub it is of (absent for the fleet)      ARGV field, value, ...
-- Answers {'ok'} | {'no-hub'}. Other fields are left alone.
if KEYS[2] then
  local hub = redis.call('HMGET', KEYS[2], 'name', 'removing')
  if not hub[1] or hub[2] then return {'no-hub'} end
end
redis.call('HSET', KEYS[1], unpack(ARGV))
return {'ok'}
