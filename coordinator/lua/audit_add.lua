-- Note a change somebody made. The entry's id is the time, by the store's clock.
-- KEYS[1] the audit      ARGV[1] entries kept, about; then field, value, ...
-- Answers {'ok', id}.
local entry = {}
for i = 2, #ARGV do entry[i - 1] = ARGV[i] end
return {'ok', redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(entry))}
