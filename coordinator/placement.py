"""Placement: which node a hub or a session goes to. Each choice is one atomic step.

A dynamic hub is on one node, its owner; nobody races for it, whoever asks second hears what the
first was told. A choice is counted in the step that makes it, so a burst over equal nodes spreads
evenly. A node that was given a hub serves it only after its own `activate` succeeded.

Every grant has an epoch no grant had before. It fences: see `Sessions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from coordinator.errors import NotFound, StaleEpoch
from coordinator.model import NEVER, NewSession
from coordinator.names import fold
from coordinator.prologue import Prologue
from coordinator.records import flat
from coordinator.sessions import hash_session_key, raise_if_refused
from coordinator.store import Answer
from coordinator.tickets import ticket_to_fields
from coordinator.times import Timestamp

if TYPE_CHECKING:
    from coordinator.lease import Lease

MAX_SESSIONS = 100_000  # of a node that does not say; the reference's open edition
FULL_POINT = 100_000


def calc_point(sessions: int, most: int, weight: int) -> int:
    """Return a node's room as 0 (full) to 100_000 (idle).

    `weight` is percent of a standard node. For 0, `most` is 100000 and `weight` 100. Source:
    clustering semantics §4.1; steps order nodes by the same fraction (`members.lua`).
    """
    most, weight = most or MAX_SESSIONS, weight or 100
    used = min(sessions * 100 / weight, most)
    return int((most - used) * FULL_POINT / most)


@dataclass(frozen=True, slots=True)
class Grant:
    """A dynamic hub, given to one incarnation of a node."""

    hub: str
    """Folded."""
    node: str
    inc: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Here:
    """The asking node is the one. `grant`: of a dynamic hub; None for a static one."""

    grant: Grant | None
    is_active: bool
    """False: `activate` the grant first."""


@dataclass(frozen=True, slots=True)
class At:
    """Another node is the one."""

    node: str
    address: str
    """IPv4 for a redirect; empty: clients cannot be sent there."""
    tcp_ports: tuple[int, ...]
    epoch: int
    """Of the hub; 0 for a static one."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody yet: ask again after `wait_ms`, and let the client wait."""

    wait_ms: int
    why: str
    """`grace` (the store was restarted), `heir` (the owner is being restarted), `removing`."""


@dataclass(frozen=True, slots=True)
class Nobody:
    """No node may take it: error 49."""


Placed: TypeAlias = Here | At | Wait | Nobody


@dataclass(frozen=True, slots=True)
class Ownership:
    """A dynamic hub's record: who has it, or had it last."""

    hub: str
    node: str
    """Empty: nobody."""
    inc: int
    epoch: int
    state: str
    """`assigned` (given, not taken up yet), `active`, `free`."""
    since: Timestamp
    why: str
    stayed: Timestamp = NEVER
    """When it could not be handed over, if that was the last that was tried."""
    stays: str = ""
    """Why not."""


class Placement:
    """Hubs and sessions, placed. Raises StoreUnavailable, ForeignStore from every method; those
    that take a `lease` also LeaseLost. Repeating a call is safe and answered alike."""

    def __init__(self, prologue: Prologue) -> None:
        self._prologue = prologue
        self._keys = prologue.keys

    def place(
        self,
        lease: "Lease",
        hub: str,
        now: Timestamp,
        *,
        here: bool = False,
        cascades: bool = False,
    ) -> Placed:
        """Return where a dynamic hub is, giving it to a node if nobody has it.

        `here`: to the asking node if it may carry sessions at all. `cascades`: a static hub, too,
        while it has an online cascade. Raises NotFound, HubOffline; NotFound of kind "dynamic hub"
        for any other static one.
        """
        keys = [self._keys.hub(hub), self._keys.owner(hub)]
        args: list[str | int] = [lease.node, lease.inc, fold(hub), int(here), int(cascades)]
        answer = self._prologue.run("place", now, keys, args)
        if answer[0] == "static":
            raise NotFound("dynamic hub", hub)
        raise_if_refused(answer, hub, "")
        return self._placed(lease, hub, answer)

    def admit(
        self,
        lease: "Lease",
        new: NewSession,
        ticket: bytes,
        now: Timestamp,
        *,
        stay: bool = False,
    ) -> Placed:
        """Choose the host of a session and hold a place for it there, all limits counted.

        `ticket` is fresh and random; Here and At come with a ticket of that name in the store,
        which `Sessions.open` uses up, `Tickets.give_back` returns and `ticket_ms` ends. `stay`:
        the client cannot be redirected, so the asking node takes it if that is possible at all.
        Raises NotFound (hub, user), HubOffline, NoRoom.
        """
        keys = self._keys
        touched = (
            keys.hub(new.hub),
            keys.owner(new.hub),
            keys.user(new.hub, new.user),
            keys.sessions(new.hub),
            keys.user_sessions(new.hub, new.user),
            keys.ticket(hash_session_key(ticket)),
        )
        args = [
            lease.node,
            lease.inc,
            fold(new.hub),
            int(stay),
            fold(new.user),
            new.unique_id.hex() if any(new.unique_id) else "-",
            new.policy.get("MultiLogins", 0),
            hash_session_key(ticket),
            new.origin,
            *flat(ticket_to_fields(new, now)),
        ]
        answer = self._prologue.run("admit", now, touched, args)
        raise_if_refused(answer, new.hub, new.user)
        return self._placed(lease, new.hub, answer)

    def activate(self, grant: Grant, now: Timestamp) -> bool:
        """Take up a hub; only then may it be served. False: it has gone to somebody else."""
        return self._owned("activate", grant, now)[0] == "ok"

    def free(self, grant: Grant, now: Timestamp) -> bool:
        """Give up a hub without sessions. False: sessions or tickets came meanwhile, keep it.

        Raises StaleEpoch.
        """
        answer = self._owned("free", grant, now)
        self._check(answer, grant)
        return answer[0] == "ok"

    def transfer(
        self, grant: Grant, to: str, now: Timestamp, *, prefer: Sequence[str] = ()
    ) -> Grant | None:
        """Hand a hub over; the caller has stopped serving it before. `to` empty: the best other,
        one of `prefer` if any of them has room.

        None: that node cannot take it, or there is none, and the hub's record says so; the caller
        may go on serving. After StoreUnavailable it may not before a repetition was answered.
        Raises StaleEpoch.
        """
        answer = self._owned("transfer", grant, now, to, *prefer)
        self._check(answer, grant)
        if answer[0] == "nobody":
            return None
        _, node, inc, epoch = answer
        heard = self._prologue.heard(int(str(epoch)))
        return Grant(grant.hub, str(node), int(str(inc)), heard)

    def order_move(self, hub: str, to: str, now: Timestamp) -> str:
        """Tell a hub's owner to hand it over, to any node if `to` is empty; return the owner.

        Raises NotFound: the hub has no owner, or `to` is no living node.
        """
        args = [fold(hub), to]
        answer = self._prologue.run("hub_move", now, [self._keys.owner(hub)], args)
        if answer[0] == "no-node":
            raise NotFound("living node", to)
        if answer[0] == "no-owner":
            raise NotFound("owner of hub", hub)
        return str(answer[1])

    def owner(self, hub: str) -> Ownership | None:
        """Return a hub's record; None if it was never placed."""
        fields = self._prologue.store.fields(self._keys.owner(hub))
        return ownership_from_fields(fields) if fields else None

    def owned_by(self, node: str) -> list[Ownership]:
        """Return the hubs recorded for a node, alive or not, by name."""
        hubs = self._prologue.store.members(self._keys.node_hubs(node))
        found = self._prologue.store.fields_of([self._keys.owner(hub) for hub in hubs])
        return [ownership_from_fields(fields) for fields in found if fields]

    def owners(self) -> list[Ownership]:
        """Return the record of every hub of the directory that was ever placed, by name."""
        hubs = self._prologue.store.members(self._keys.hubs())
        found = self._prologue.store.fields_of([self._keys.owner(hub) for hub in hubs])
        return [ownership_from_fields(fields) for fields in found if fields]

    def _owned(self, step: str, grant: Grant, now: Timestamp, *args: str | int) -> Answer:
        keys = [self._keys.owner(grant.hub), self._keys.node(grant.node)]
        said = [fold(grant.hub), grant.node, grant.inc, grant.epoch, *args]
        return self._prologue.run(step, now, keys, said)

    def _check(self, answer: Answer, grant: Grant) -> None:
        if answer[0] == "stale":
            current = self._prologue.heard(int(str(answer[1])))
            raise StaleEpoch(grant.hub, grant.epoch, current)

    def _placed(self, lease: "Lease", hub: str, answer: Answer) -> Placed:
        word, *rest = map(str, answer)
        if word == "wait":
            return Wait(int(rest[0]), rest[1])
        if word == "nobody":
            return Nobody()
        node, inc, epoch, state, address, ports = rest
        number = self._prologue.heard(int(epoch))
        if node != lease.node:
            return At(node, address, tuple(map(int, ports.split())), number)
        grant = Grant(fold(hub), node, int(inc), number) if number else None
        return Here(grant, state == "active")


def ownership_from_fields(fields: Mapping[str, str]) -> Ownership:
    """Return a hub's record as the store holds it."""
    return Ownership(
        hub=fields["hub"],
        node=fields.get("node", ""),
        inc=int(fields.get("inc", 0)),
        epoch=int(fields["epoch"]),
        state=fields["state"],
        since=Timestamp(fields["since"]),
        why=fields.get("why", ""),
        stayed=Timestamp(fields.get("stayed", NEVER)),
        stays=fields.get("stays", ""),
    )
