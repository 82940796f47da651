"""The coordinator: what nodes must agree on, kept in Redis. A library, not a process.

It never spawns, sleeps, reads a clock or imports `gateway`: whoever owns the loop calls its steps,
and says what time it is.

Promised:

- A change is one atomic step in the store (one file of `lua/` each). It happened whole or not at
  all, and repeating it after a lost reply does no harm.
- Limits on sessions are exact over the whole fleet, tickets under way included, because the step
  that counts is the step that admits.
- A dynamic hub has one owner, under an epoch that no grant had before. It may act as one while its
  own monotonic clock is before `Lease.deadline`; nobody else is given the hub before that, so long
  as clocks run at rates less than 1 % apart and the store loses no write it confirmed.
- Whoever lost a hub or a session cannot change it: every write about a session carries both epochs,
  and a stale one is answered and counted, not obeyed. No clock is involved in that.
- Neither an outage of the store nor a step of its clock ends the lease of a node that renews.
- Credentials and private keys are in the store only sealed with the fleet key, session keys and
  tickets only as a hash.

Not promised: that a Redis fail-over keeps the last write (replication is asynchronous), and that
an unreachable store did not carry out what it was asked: `StoreUnavailable` means unknown.

A node's life with it, as whoever owns the loop calls it:

1. `fleet.leases_over(connect(url, name, timeout=LEASE_TIMEOUT, pool_size=1))`: `register`, then
   `RedisStore.attend(keys.presence(node, inc))` on a connection of its own, then `renew` every
   `Timing.next_renewal`, and at once whatever the renewal asks for: `activate` what is `assigned`,
   carry out `orders`, `reconcile`, `Controller.step` when it leads or nobody does.
2. A login: `Placement.admit`, and by its answer open here (`activate` first if it is not active,
   then `Sessions.open` with the ticket), redirect, ask again after a while, or refuse. A ticket
   that a client brings: `Tickets.find`, then `Sessions.open` with it.
3. A session key that comes back: of a static hub `Sessions.adopt`; of a dynamic one
   `Placement.place(here=True)`, `activate`, `Sessions.adopt`.
4. A hub without sessions: `Placement.free`. An order to move one: stop it, `Placement.transfer`,
   close its sessions' connections. The end: transfer all, `Leases.leave`.
5. LeaseLost: close everything that was owned, `register` anew. StaleEpoch: close that hub.
"""
