-- needs forget
-- End a session whoever carries it, and order that node to drop it. Its key is known no more, so
-- the client is told so when it comes back with it.
-- KEYS[1] session      ARGV[1] prefix of all keys, [2] folded hub name, [3] name
-- Answers {'ok'} | {'gone'}.
if drop(ARGV[1], ARGV[2], ARGV[3]) == 0 then return {'gone'} end
return {'ok'}
