"""Death seen in half a second: what a node and its witness say to each other. Pure.

Each node pings the one witness it has named in its row, ten times a second, by datagrams sealed
with a key of the fleet. A witness that hears nothing knocks at the node's port; only if that
refuses, and the store sees no presence connection either, is the node declared dead
(`coordinator/lua/suspect.lua`). Silence alone proves nothing: a frozen or slow node refuses nobody.

The answer to a ping is a promise: not to accuse for `PROMISE_S`. By it a node whose presence
connection broke, because the store is away, goes on for as long as its lease is good.
"""

PROMISE_S = 0.3
"""A witness that answered a ping accuses nobody for so long, from when it answered."""
TRUST_S = 0.28
"""The node relies on that from when it sent the ping: earlier, and less by drift and one batch."""
PING_EVERY_S = 0.1
SILENT_S = 0.25
"""Without a ping for so long, a witness knocks."""
