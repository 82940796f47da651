-- needs clock tickets
-- Give a ticket back unused.
-- KEYS[1] to [3] see clock, [4] ticket      ARGV[1] to [4] see clock, [5] its hash
-- Answers {'ok'} | {'gone'} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
return {void(PREFIX, ARGV[5]) and 'ok' or 'gone'}
