-- Shared by every step of coordination, which begins with `tick`: is this our fleet, and what time
-- is it on the lease clock? That clock is what leases end by. Only steps advance it, by what the
-- server's clock has moved since the last one, never back and never by more than `gap_ms` at once:
-- an outage, a stopped server or a clock that jumps can end no lease that is renewed in time.
-- KEYS[1] meta, [2] settings, [3] log
-- ARGV[1] prefix of all keys, [2] the fleet's id, [3] now, [4] highest epoch the caller knows
-- A step that needs a living caller has its name and incarnation in ARGV[5] and [6].
local PREFIX, NOW = ARGV[1], ARGV[3]
local clock = {} -- ms, time_ms, run, highest, in_grace, and the fleet's times

-- Lua shows large numbers as 1.8e+12; nobody shall read that, or an epoch be rounded by it.
local function whole(number) return string.format('%.0f', number) end

local function note(what, why, ...)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 100000, '*',
    'at', NOW, 'what', what, 'why', why, ...)
end

-- Another server process than last time, or a copy promoted: its data may be a little old. Until
-- every node with a lease has said what it owns (`reconcile`), or a lease's life is over, no node
-- is declared dead and no hub given away; and not before `forgets_ms`, for the node that
-- registered in what was lost. Nobody had a lease: nothing can be old.
local function begin_grace(was)
  local set = {'run', clock.run}
  if was then
    redis.call('HINCRBY', KEYS[1], 'restarts', 1)
    redis.call('DEL', PREFIX .. 'unreconciled')
    local nodes = redis.call('ZRANGE', PREFIX .. 'leases', 0, -1)
    for _, node in ipairs(nodes) do redis.call('SADD', PREFIX .. 'unreconciled', node) end
    if #nodes > 0 then
      clock.grace_ms, clock.grace_min_ms = clock.ms + clock.ttl_ms, clock.ms + clock.forgets_ms
      set = {'run', clock.run, 'grace_ms', whole(clock.grace_ms),
        'grace_min_ms', whole(clock.grace_min_ms)}
    end
    note('restart', 'the store was restarted; ' .. #nodes .. ' nodes have to reconcile')
  end
  redis.call('HSET', KEYS[1], unpack(set))
end

-- Answers false if this is not the fleet the caller means.
local function tick()
  local meta = redis.call('HMGET', KEYS[1], 'cluster', 'clock_ms', 'seen_ms', 'run',
    'highest_epoch', 'grace_ms', 'grace_min_ms')
  if meta[1] ~= ARGV[2] then return false end
  local names = {'ttl_ms', 'renew_ms', 'gap_ms', 'suspect_ms', 'assign_ms', 'heir_ms', 'ticket_ms',
    'leader_ms', 'forgets_ms'}
  for i, value in ipairs(redis.call('HMGET', KEYS[2], unpack(names))) do
    clock[names[i]] = tonumber(value)
  end
  local time = redis.call('TIME') -- once a step: it is not frozen inside one
  clock.time_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  local gone = math.max(0, clock.time_ms - (tonumber(meta[3]) or clock.time_ms))
  if gone > clock.gap_ms then
    gone = clock.gap_ms
    redis.call('HINCRBY', KEYS[1], 'gaps', 1)
  end
  clock.ms = (tonumber(meta[2]) or 0) + gone
  clock.highest = math.max(tonumber(meta[5]) or 0, tonumber(ARGV[4]))
  clock.grace_ms, clock.grace_min_ms = tonumber(meta[6]) or 0, tonumber(meta[7]) or 0
  clock.run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  redis.call('HSET', KEYS[1], 'clock_ms', whole(clock.ms), 'seen_ms', whole(clock.time_ms),
    'highest_epoch', whole(clock.highest))
  if clock.run ~= meta[4] then begin_grace(meta[4]) end
  clock.in_grace = clock.ms < clock.grace_ms and (clock.ms < clock.grace_min_ms
    or redis.call('EXISTS', PREFIX .. 'unreconciled') == 1)
  return true
end

-- Answers an epoch that no grant, lease or leader had before; also a date, in milliseconds.
local function mint(last)
  clock.highest = math.max(clock.highest + 1, (tonumber(last) or 0) + 1, clock.time_ms)
  redis.call('HSET', KEYS[1], 'highest_epoch', whole(clock.highest))
  return whole(clock.highest)
end
