-- Shared by the steps that say, or ask, whether what was read of the directory is still true.

-- Answers a word that every change of the directory changes; and so does another server process,
-- which may have lost changes and count them anew.
local function directory_state(meta, version)
  local run = redis.call('HGET', meta, 'run') or ''
  return run .. ' ' .. (redis.call('GET', version) or '0')
end
