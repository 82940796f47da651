-- Add to counters, unless what they count was deleted meanwhile: nothing would remove them again.
-- KEYS[1] the hub or user counted, [2] its counters      ARGV field, number, ...
-- Answers {'ok'} | {'gone'}.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
for i = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1]) end
return {'ok'}
