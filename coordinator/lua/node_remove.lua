-- Forget a node that will not come back. Its sessions are ended by whoever swept them before.
-- KEYS[1] node, [2] nodes, [3] its orders      ARGV[1] node's name
-- Answers {'ok'} | {'gone'}.
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('DEL', KEYS[1], KEYS[3]) == 0 then return {'gone'} end
return {'ok'}
