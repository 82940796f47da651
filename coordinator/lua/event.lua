-- needs clock
-- Write into the history what a node has seen.
-- KEYS[1] to [3] see clock      ARGV[1] to [4] see clock, [5] what, [6] why, [7] node, [8] hub
-- Answers {'ok'} | {'no-fleet'}.
if not tick() then return {'no-fleet'} end
note(ARGV[5], ARGV[6], 'node', ARGV[7], 'hub', ARGV[8])
return {'ok'}
