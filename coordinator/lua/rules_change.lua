-- Change one of a hub's lists (access rules, source rules, authorities, revocations), each a hash
-- with a line for each rule.
-- KEYS[1] rules, [2] hub, [3] directory version
-- ARGV[1] field of the hub that names their version, [2] version they were read with or '' for any,
--   [3] most rules, [4] now, [5] 1: these lines are all that shall be there, [6] how many ids to
--   remove follow, those ids, then id or '' for a new rule, line, ...
-- A new rule whose line is there already is not added again and answers under the id it has: tools
-- repeat a call whose answer was lost. A list that is replaced may say a thing twice.
-- Answers {'ok', version, id, ... of the lines in turn} | {'no-hub'} | {'conflict', version there}
--   | {'no-rule', id} | {'full'}. All of it happens or nothing.
local hub = redis.call('HMGET', KEYS[2], 'name', 'removing')
if not hub[1] or hub[2] then return {'no-hub'} end
local there = redis.call('HMGET', KEYS[1], 'version', 'next_id')
if ARGV[2] ~= '' and ARGV[2] ~= (there[1] or '0') then return {'conflict', there[1] or '0'} end

local kept, id_of, count, replaces = {}, {}, 0, ARGV[5] == '1'
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local id = string.match(fields[i], '^rule:(.+)$')
  if id then kept[id] = true; id_of[fields[i + 1]] = id; count = count + 1 end
end
if replaces then id_of = {} end
local last = 6 + tonumber(ARGV[6])
for i = 7, last do
  if not kept[ARGV[i]] then return {'no-rule', ARGV[i]} end
  kept[ARGV[i]] = nil
  count = count - 1
end
local added = 0
for i = last + 1, #ARGV, 2 do
  if ARGV[i] == '' then
    local same = id_of[ARGV[i + 1]]
    if same and kept[same] then ARGV[i] = same else added = added + 1 end
  elseif not kept[ARGV[i]] then return {'no-rule', ARGV[i]}
  elseif replaces then added = added + 1 end
end
if (replaces and 0 or count) + added > tonumber(ARGV[3]) then return {'full'} end

local next_id = tonumber(there[2] or '1')
if replaces then
  for id in pairs(kept) do redis.call('HDEL', KEYS[1], 'rule:' .. id) end
end
for i = 7, last do redis.call('HDEL', KEYS[1], 'rule:' .. ARGV[i]) end
local version = redis.call('INCR', KEYS[3])
local answer = {'ok', version}
for i = last + 1, #ARGV, 2 do
  local id = ARGV[i]
  if id == '' then
    id = string.format('%.0f', next_id)
    next_id = next_id + 1
  end
  redis.call('HSET', KEYS[1], 'rule:' .. id, ARGV[i + 1])
  answer[#answer + 1] = id
end
redis.call('HSET', KEYS[1], 'version', version, 'next_id', string.format('%.0f', next_id),
  'changed', ARGV[4])
redis.call('HSET', KEYS[2], ARGV[1], version)
return answer
