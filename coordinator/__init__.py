"""The coordinator: what nodes must agree on, kept in Redis. A library, not a process.

It never spawns, sleeps, reads a clock or imports `gateway`: whoever owns the loop calls its steps,
and says what time it is.

Promised:

- A change is one atomic step in the store (one file of `lua/` each). It happened whole or not at
  all, and repeating it after a lost reply does no harm.
- Limits on sessions are exact over the whole fleet, because the step that counts is the step that
  admits.
- A record that was taken over by another node cannot be changed by the one that lost it: every
  write about a session carries the session's epoch, and a stale one is answered, not obeyed.
- Credentials and private keys are in the store only sealed with the fleet key, session keys only
  as a hash.

Not promised: that a Redis fail-over keeps the last write (replication is asynchronous), and that
an unreachable store did not carry out what it was asked: `StoreUnavailable` means unknown.
"""
