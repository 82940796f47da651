-- needs members
-- End a node's lease before it expires, because its process is gone: the fast path. The caller is
-- the witness the node itself has named, and found its port closed; here its presence connection
-- must be closed too, twice, `suspect_ms` apart and without a renewal in between. A living node
-- whose presence connection broke has closed its gate by then, unless it has renewed since or its
-- witness promised to wait.
-- KEYS[1] to [3] see clock, [4] the caller
-- ARGV[1] to [6] see clock, [7] the node accused, [8] its incarnation, [9] its presence channel
-- Answers {'dead'} | {'suspect', ms} | {'alive', ms to expiry} | {'grace', ms} | {'gone'}
--   | {'not-live', why} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local ended = caller_ended()
if ended then return ended end
local row = judged(ARGV[7], ARGV[5])
if not row or row.inc ~= ARGV[8] then return {'gone'} end
if not row.is_up then return {'dead'} end
if clock.in_grace then return {'grace', whole(clock.grace_ms - clock.ms)} end
local key = PREFIX .. 'node:' .. ARGV[7]
local known = redis.call('HMGET', key, 'witness', 'suspected_ms', 'witness_inc')
local is_witness = known[1] == ARGV[5] and known[3] == ARGV[6]
if not is_witness or redis.call('PUBSUB', 'NUMSUB', ARGV[9])[2] > 0 then
  redis.call('HDEL', key, 'suspected_ms')
  return {'alive', whole(math.max(0, row.expires_ms - clock.ms) + 1)}
end
if not known[2] then
  redis.call('HSET', key, 'suspected_ms', whole(clock.ms))
  return {'suspect', whole(clock.suspect_ms)}
end
local left = tonumber(known[2]) + clock.suspect_ms - clock.ms
if left > 0 then return {'suspect', whole(left)} end
finish(ARGV[7], 'dead', 'its port refuses and its presence ended', ARGV[5], 0)
return {'dead'}
