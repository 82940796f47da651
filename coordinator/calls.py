"""Calls between nodes: short questions over the store's channels, for what only a node knows.

Each node listens on a channel of its own. A message is sealed with the fleet key for the channel it
is sent to, so nobody but a node of the fleet can ask, answer or listen in, and one meant for
another does not open. Channels keep nothing: whoever does not listen is not there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coordinator.errors import SealBroken
from coordinator.keys import Keys
from coordinator.redis_store import RedisStore, Subscription
from coordinator.seal import Sealer

CONTEXT = "call"


@dataclass(frozen=True, slots=True)
class Message:
    """A question, or the answer to one."""

    id: str
    """Random, of the question."""
    sender: str
    """The node that sends it."""
    method: str
    """What is asked; empty: an answer."""
    body: Any
    """What JSON can say."""


class Calls:
    """The channels of a fleet's nodes. Raises StoreUnavailable from every method."""

    def __init__(self, store: RedisStore, sealer: Sealer) -> None:
        self._store = store
        self._keys: Keys = store.keys
        self._sealer = sealer

    def over(self, store: RedisStore) -> "Calls":
        """Return the same over another connection: listening takes one for itself."""
        return Calls(store, self._sealer)

    def listen(self, node: str) -> Subscription:
        """Begin to hear what is sent to `node`."""
        return self._store.subscribe(self._keys.calls(node))

    def send(self, to: str, message: Message) -> bool:
        """Send a message; false if nobody listens there."""
        said = {
            "id": message.id,
            "sender": message.sender,
            "method": message.method,
            "body": message.body,
        }
        channel = self._keys.calls(to)
        plain = json.dumps(said, separators=(",", ":")).encode()
        return self._store.publish(channel, self._sealer.seal(plain, f"{channel} {CONTEXT}")) > 0

    def read(self, node: str, text: str) -> Message | None:
        """Return what was sent to `node`; None for what no node of this fleet sent."""
        channel = self._keys.calls(node)
        try:
            said: Mapping[str, Any] = json.loads(self._sealer.open(text, f"{channel} {CONTEXT}"))
            return Message(said["id"], said["sender"], said["method"], said["body"])
        except (SealBroken, ValueError, KeyError, TypeError):
            return None
