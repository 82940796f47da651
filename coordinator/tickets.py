"""Tickets: the one-time proof that a login was accepted, and the place that is held for it.

`Placement.admit` writes one, for the node it chose. It is stored by its hash, counts as a session
of its hub, user and node as long as it is there, and goes with the session that uses it, when it is
given back, or after `ticket_ms` on the lease clock. It is for one hub on one node; it outlives a
restart of that node, which then owns the hub under a later epoch, but no move of the hub.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.errors import BadTicket
from coordinator.model import NewSession
from coordinator.names import are_names, fold
from coordinator.prologue import Prologue
from coordinator.records import policy_from_fields, policy_to_fields, unflat
from coordinator.sessions import hash_session_key
from coordinator.times import Timestamp


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a login settled at its entry; the host asks nobody else."""

    hub: str
    user: str
    node: str
    """Where it is good."""
    epoch: int
    """The hub's when it was issued; 0 for a static hub."""
    policy: Mapping[str, int]
    unique_id: bytes
    entry: str
    """The node that issued it."""
    address: str
    """Where the client came from then."""
    issued: Timestamp


class Tickets:
    """The tickets of a fleet. Raises StoreUnavailable and ForeignStore from every method."""

    def __init__(self, prologue: Prologue) -> None:
        self._prologue = prologue
        self._keys = prologue.keys

    def find(self, ticket: bytes, hub: str, node: str, now: Timestamp) -> Ticket:
        """Return what a client's ticket says; `Sessions.open` uses it up.

        Raises BadTicket: `ticket-unknown` (never issued, used, or expired), `ticket-elsewhere` (of
        another hub or node).
        """
        if not are_names(hub):
            raise BadTicket("ticket-elsewhere")
        key = self._keys.ticket(hash_session_key(ticket))
        answer = self._prologue.run("ticket_find", now, [key], [fold(hub), node])
        if answer[0] != "ok":
            raise BadTicket(str(answer[0]))
        return ticket_from_fields(unflat(answer[1:]))

    def give_back(self, ticket: bytes, now: Timestamp) -> bool:
        """Return the place a ticket holds; False if it was used or has expired."""
        ticket_hash = hash_session_key(ticket)
        keys = [self._keys.ticket(ticket_hash)]
        return self._prologue.run("ticket_void", now, keys, [ticket_hash])[0] == "ok"

    def expire(self, now: Timestamp) -> int:
        """Remove tickets nobody used in time, 100 at most; return how many. `admit` does so too."""
        return int(str(self._prologue.run("ticket_expire", now, [self._keys.tickets()], [])[1]))


def ticket_to_fields(new: NewSession, now: Timestamp) -> dict[str, str]:
    """Return what the caller of `admit` knows; the step adds `node` and `epoch`."""
    return {
        "hub": new.hub,
        "user": new.user,
        "entry": new.node,
        "address": new.address,
        "unique_id": new.unique_id.hex(),
        "issued": now,
        **policy_to_fields(new.policy),
    }


def ticket_from_fields(fields: Mapping[str, str]) -> Ticket:
    return Ticket(
        hub=fields["hub"],
        user=fields["user"],
        node=fields["node"],
        epoch=int(fields["epoch"]),
        policy=policy_from_fields(fields),
        unique_id=bytes.fromhex(fields["unique_id"]),
        entry=fields["entry"],
        address=fields["address"],
        issued=Timestamp(fields["issued"]),
    )
