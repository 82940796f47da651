-- A node says how it is and learns what is new.
-- KEYS[1] node, [2] nodes, [3] its orders, [4] directory version
-- ARGV[1] node's name, [2] last order carried out or '', [3] when it started,
--   then field, value, ... of its row
-- Answers {'ok', directory version, {id, {field, value, ...}}, ...}: orders, oldest first. They
-- stay until a later call names them, so an answer that is lost loses none.
local started = redis.call('HGET', KEYS[1], 'started')
if started and started ~= ARGV[3] then redis.call('DEL', KEYS[1]) end -- another process' row
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('SADD', KEYS[2], ARGV[1])
local after = '-'
if ARGV[2] ~= '' then
  redis.call('XTRIM', KEYS[3], 'MINID', '=', ARGV[2])
  redis.call('XDEL', KEYS[3], ARGV[2])
  after = '(' .. ARGV[2]
end
local answer = {'ok', redis.call('GET', KEYS[4]) or '0'}
for _, order in ipairs(redis.call('XRANGE', KEYS[3], after, '+', 'COUNT', 100)) do
  table.insert(answer, order)
end
return answer
