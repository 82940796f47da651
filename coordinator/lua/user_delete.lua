-- needs forget
-- Delete a user and end his sessions, at most ARGV[4] of them a call. The account goes with the
-- first call, so nobody joins meanwhile.
-- KEYS[1] user, [2] users of the hub, [3] his sessions, [4] his traffic, [5] directory version,
--   [6] hub
-- ARGV[1] prefix of all keys, [2] folded hub name, [3] folded user name, [4] batch
-- Answers {'done' | 'more', sessions ended by this call} | {'no-user'}.
if redis.call('EXISTS', KEYS[1], KEYS[3]) == 0 then return {'no-user'} end
redis.call('DEL', KEYS[1], KEYS[4])
redis.call('SREM', KEYS[2], ARGV[3])
local version = redis.call('INCR', KEYS[5])
if redis.call('EXISTS', KEYS[6]) == 1 then redis.call('HSET', KEYS[6], 'terms_version', version) end
local tickets = ARGV[1] .. 'user-tickets:' .. ARGV[2] .. ':' .. ARGV[3]
for _, ticket in ipairs(redis.call('HKEYS', tickets)) do void(ARGV[1], ticket) end
local ended = 0
for i, session in ipairs(redis.call('HKEYS', KEYS[3])) do
  if i > tonumber(ARGV[4]) then return {'more', ended} end
  ended = ended + drop(ARGV[1], ARGV[2], session)
end
return {'done', ended}
