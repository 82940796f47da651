-- Make a hash that, once there, never changes. The first writer wins, all see the same.
-- KEYS[1] the hash          ARGV field, value, ...
-- Answers {'created' | 'kept', field, value, ...}: what is there afterwards.
local word = 'kept'
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], unpack(ARGV))
  word = 'created'
end
local answer = redis.call('HGETALL', KEYS[1])
table.insert(answer, 1, word)
return answer
