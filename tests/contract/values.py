"""Values that tests of the contract have in common."""

from dataclasses import replace
from itertools import count

import redis

from coordinator.fleet import Fleet
from coordinator.lease import Lease, Renewal
from coordinator.model import DropSession, Hub, NewSession, Node, SessionRecord, User
from coordinator.times import Timestamp

NOW = Timestamp("2026-01-31T12:00:00.000Z")
LATER = Timestamp("2026-01-31T12:00:01.500Z")

HUB = Hub("Corp")
ALICE = User("Corp", "Alice", secret=b"S" * 20)
NODE = Node("node-1", 4711, "host", "192.0.2.1:5555", "0.1.0", NOW)
LOGIN = NewSession("Corp", "Alice", "node-1", "198.51.100.7:50000")

_keys = count(1)


def furnish(fleet: Fleet, hub: Hub = HUB, user: User = ALICE) -> tuple[Hub, User]:
    """Store a hub and a user of it."""
    return fleet.directory.create_hub(hub, NOW), fleet.directory.create_user(user, NOW)


def new_key() -> bytes:
    """A session key no other test uses."""
    return next(_keys).to_bytes(20, "big")


def machine(number: int) -> bytes:
    """The id of a client's machine."""
    return number.to_bytes(20, "big")


def open_session(fleet: Fleet, **changes: object) -> SessionRecord:
    """Open a session of Alice's, from a machine that did not say which."""
    return fleet.sessions.open(replace(LOGIN, **changes), new_key(), NOW)  # type: ignore[arg-type] # fields by name


def a_node(name: str, **changes: object) -> Node:
    """A node that clients can be redirected to."""
    number = int(name[-1])
    node = replace(
        NODE, id=name, direct_address=f"192.0.2.{number}", direct_tcp_ports=(5555, 992), boot=name
    )
    return replace(node, **changes)  # type: ignore[arg-type]  # fields by name


def register(fleet: Fleet, name: str, **changes: object) -> Lease:
    """Register a node, at zero of its own clock."""
    lease = fleet.leases.register(a_node(name, **changes), 0.0, NOW)
    assert isinstance(lease, Lease), lease
    return lease


def renew(
    fleet: Fleet, lease: Lease, t0: float = 0.0, last_order: str = "", **changes: object
) -> Renewal:
    """Renew a node's lease, at `t0` of its own clock."""
    return fleet.leases.renew(lease, a_node(lease.node, **changes), t0, LATER, last_order)


def orders_of(fleet: Fleet, name: str) -> tuple[DropSession, ...]:
    """Register a node and return the orders to drop a session that wait for it."""
    orders = renew(fleet, register(fleet, name)).orders
    return tuple(order for order in orders if isinstance(order, DropSession))


def let_pass(fleet: Fleet, raw: redis.Redis, ms: int) -> None:
    """Advance the lease clock, as many small steps would."""
    raw.hincrby(fleet.store.keys.meta(), "clock_ms", ms)
