-- needs members
-- End a node's lease if it has expired: the slow path.
-- KEYS[1] to [3] see clock, [4] the caller      ARGV[1] to [6] see clock, [7] the node accused
-- Answers {'dead'} | {'alive', ms to expiry} | {'grace', ms} | {'gone'} | {'not-live', why}
--   | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
local ended = caller_ended()
if ended then return ended end
local row = judged(ARGV[7], ARGV[5])
if not row then return {'gone'} end
if not row.is_up then return {'dead'} end
if row.expires_ms < clock.ms then return {'grace', whole(clock.grace_ms - clock.ms)} end
return {'alive', whole(row.expires_ms - clock.ms + 1)}
