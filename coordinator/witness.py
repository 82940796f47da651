"""Which node watches which: its witness, the only one that may declare it dead before its lease
ends.

By rendezvous hashing over the nodes alive, so that nodes agree on nothing and still spread: each
node is watched by one, another machine if there is one, and keeps it as long as that one lives.
One witness is one vote and one promise (coordination 7.3 with s = 1).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.model import Node, NodeState


@dataclass(frozen=True, slots=True)
class Witness:
    """A process that watches another."""

    node: str
    inc: int
    """Its incarnation: one that was restarted remembers no promise and is not entitled."""
    address: str
    """`host:port`, TCP and UDP: where other nodes reach it."""


def choose_witness(me: Node, nodes: Iterable[Node]) -> Witness | None:
    """Return the witness for `me` among `nodes`, its own row included or not; None if none can."""
    able = [n for n in nodes if n.id != me.id and n.state is NodeState.UP and n.peer_address]
    if not me.peer_address or not able:
        return None
    best = max(able, key=lambda other: (_is_elsewhere(me, other), _rank(me, other)))
    return Witness(best.id, best.inc, best.peer_address)


def _is_elsewhere(me: Node, other: Node) -> bool:
    return me.peer_address.rpartition(":")[0] != other.peer_address.rpartition(":")[0]


def _rank(me: Node, other: Node) -> bytes:
    return hashlib.blake2b(f"{me.id}\n{other.id}".encode(), digest_size=8).digest()
