-- needs cascading
-- Delete a cascade with what was told of it.
-- KEYS[1] directory version, [2] the hub's cascades, [3] cascading hubs, [4] cascade
-- ARGV[1] prefix of all keys, [2] folded hub name, [3] folded name
-- Answers {'ok', version} | {'gone'}.
if redis.call('DEL', KEYS[4]) == 0 then return {'gone'} end
redis.call('DEL', ARGV[1] .. 'cascade-status:' .. ARGV[2] .. ':' .. ARGV[3])
redis.call('SREM', KEYS[2], ARGV[3])
recount(ARGV[1], ARGV[2])
return {'ok', redis.call('INCR', KEYS[1])}
