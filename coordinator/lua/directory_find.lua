-- needs directory_state
-- Read what a login needs to know, and how long that will be true.
-- KEYS[1] meta, [2] directory version, [3] hub, [4] user
-- Answers {'ok', state, {field, value, ... of the hub}, {field, value, ... of the user}}.
return {'ok', directory_state(KEYS[1], KEYS[2]), redis.call('HGETALL', KEYS[3]),
  redis.call('HGETALL', KEYS[4])}
