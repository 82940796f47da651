-- Shared by the steps that begin and end sessions, for fleets that have bridges: which addresses were
-- behind a session that ended a moment ago. Its client may be on its way to another node (a drain
-- sends it there), and the LAN is to learn at once who came. A hint, and no more than that.

local LEFT_MS = 60000 -- for so long; a stock client takes 36 s where nobody answers

-- By what a client is known again, most certain first: its machine, and where it came from, for the
-- machine id of a stock client changes with the addresses its computer has.
local function known_by(hub, user, machine, origin)
  local place = hub .. '/' .. user .. '/'
  return machine == '-' and {place .. origin} or {place .. machine, place .. origin}
end

local function moment(prefix)
  return tonumber(redis.call('HGET', prefix .. 'meta', 'clock_ms') or '0')
end

-- Note what was behind a session that ends; of two, the one that ended last counts. What is too old
-- goes, 100 at most a call.
local function leave_hints(prefix, hub, user, machine, origin, macs)
  if macs == '' or redis.call('EXISTS', prefix .. 'bridges') == 0 then return end
  local hints, since, now = prefix .. 'left', prefix .. 'left-since', moment(prefix)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', since, '-inf', now - LEFT_MS, 'LIMIT', 0, 100)) do
    redis.call('ZREM', since, old)
    redis.call('HDEL', hints, old)
  end
  for _, who in ipairs(known_by(hub, user, machine, origin)) do
    redis.call('HSET', hints, who, macs)
    redis.call('ZADD', since, now, who)
  end
end

-- Answers what was behind the session that this client had a moment ago, once; '': it had none.
local function take_hints(prefix, hub, user, machine, origin)
  local found, now = nil, nil
  for _, who in ipairs(known_by(hub, user, machine, origin)) do
    local at = redis.call('ZSCORE', prefix .. 'left-since', who)
    if at then
      now = now or moment(prefix)
      local is_fresh = tonumber(at) + LEFT_MS > now
      found = found or (is_fresh and redis.call('HGET', prefix .. 'left', who)) or nil
      redis.call('ZREM', prefix .. 'left-since', who)
      redis.call('HDEL', prefix .. 'left', who)
    end
  end
  return found or ''
end
