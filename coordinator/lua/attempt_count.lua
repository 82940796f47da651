-- Count a wrong password against its source and its account, or only look at how both stand.
-- KEYS[1] attempts
-- ARGV[1] source, [2] ms that a wrong one costs it, [3] ms ahead that are too much, [4] most ms;
--   [5], [6], [7], [8] the same of the account; [9] how many times dearer it is for the source while
--   the account is under attack; [10] 1 to count, 0 to look; [11] most entries
-- Answers {'ok', source ms, account ms, 1 if this was too much for the source, 1 if so for the
--   account}: in how many ms each is forgotten.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function terms(i)
  return {name = ARGV[i], every = tonumber(ARGV[i + 1]), bound = tonumber(ARGV[i + 2]),
    most = tonumber(ARGV[i + 3])}
end

-- Further ahead than anything may be is what a clock that was set back has left.
local function ahead(of)
  local left = tonumber(redis.call('ZSCORE', KEYS[1], of.name) or now) - now
  if left < 0 or left > of.most then return 0 end
  return left
end
local function add(of, left, cost)
  local after = math.min(left + cost, of.most)
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + after), of.name)
  return after, (left <= of.bound and after > of.bound) and 1 or 0
end

local source, account = terms(1), terms(5)
local source_ms, account_ms = ahead(source), ahead(account)
if ARGV[10] == '0' then return {'ok', source_ms, account_ms, 0, 0} end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local cost = source.every
if account_ms > account.bound then cost = cost * tonumber(ARGV[9]) end
local source_after, source_crossed = add(source, source_ms, cost)
if cost > source.every then source_crossed = 0 end -- that the account is attacked was told
local account_after, account_crossed = add(account, account_ms, account.every)
local extra = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[11])
if extra > 0 then redis.call('ZPOPMIN', KEYS[1], extra) end
return {'ok', source_after, account_after, source_crossed, account_crossed}
