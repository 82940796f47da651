-- needs clock tickets
-- Remove tickets nobody used in time, 100 at most.
-- KEYS[1] to [3] see clock, [4] tickets      ARGV[1] to [4] see clock
-- Answers {'ok', how many} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
return {'ok', expire_tickets(PREFIX, clock.ms)}
