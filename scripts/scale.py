"""What coordination costs one store: renewals, placements, a burst of logins, a 200-node death.

One process plays all nodes, one request after the other unless said otherwise, so the numbers are
what a single caller sees, its own Python included; `store` is the server's processor time alone.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from coordinator.fleet import Fleet, join
from coordinator.lease import Lease
from coordinator.model import Hub, HubKind, NewSession, Node, User
from coordinator.placement import At, Here
from coordinator.redis_store import RedisStore, connect
from coordinator.store import Call
from coordinator.times import utc_now
from gateway.embedded import EmbeddedStore

PIPELINE = 500


def main(nodes: int, hubs: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as directory,
        EmbeddedStore(Path(directory)) as embedded,
    ):
        store = connect(embedded.url, "scale", timeout=30)
        fleet = join(store, bytes(32), utc_now())
        print(f"{nodes} nodes, {hubs} hubs, {store.where}")
        create_hubs(fleet, hubs)
        leases = register(fleet, nodes)
        renew(fleet, leases, "renew all, idle")
        place(fleet, leases, hubs)
        renew(fleet, leases, "renew all, hubs placed")
        burst(fleet, leases)
        die(fleet, leases)
        memory = int(store.facts()["used_memory"]) / 1e6
        print(f"memory of the store: {memory:.0f} MB")
        store.close()


@contextmanager
def measured(store: RedisStore, what: str, count: int) -> Iterator[None]:
    """Print how long `count` of something took, and how much of it the store worked."""
    before, began = used(store), time.perf_counter()
    yield
    took, worked = time.perf_counter() - began, used(store) - before
    print(
        f"{what:<42} {count:>7}  {took:6.2f} s  {count / took:8.0f} /s   "
        f"store {worked / count * 1e6:6.0f} us each"
    )


def used(store: RedisStore) -> float:
    facts = store.facts()
    return float(facts["used_cpu_user"]) + float(facts["used_cpu_sys"])


def create_hubs(fleet: Fleet, hubs: int) -> None:
    keys, now = fleet.store.keys, utc_now()
    calls = []
    for number in range(hubs):
        name = f"h{number}"
        record = ["name", name, "kind", "dynamic", "online", "1", "created", now]
        touched = [keys.hub(name), keys.hubs(), keys.directory_version()]
        calls.append(Call(touched, [name, 0, *record]))
    with measured(fleet.store, "create hubs (500 in one round trip)", hubs):
        for start in range(0, hubs, PIPELINE):
            fleet.store.steps("directory_create", calls[start : start + PIPELINE])


def node(number: int) -> Node:
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return Node(
        f"n{number}",
        number,
        f"host{number // 4}",
        f"{address}:5555",
        "0",
        utc_now(),
        direct_address=address,
        direct_tcp_ports=(5555,),
    )


def register(fleet: Fleet, nodes: int) -> list[Lease]:
    with measured(fleet.store, "register", nodes):
        found = [fleet.leases.register(node(n), 0.0, utc_now()) for n in range(nodes)]
    return [lease for lease in found if isinstance(lease, Lease)]


def renew(fleet: Fleet, leases: list[Lease], what: str) -> None:
    with measured(fleet.store, what, len(leases)):
        renew_some(fleet, leases, 0)


def place(fleet: Fleet, leases: list[Lease], hubs: int) -> None:
    wanted = min(hubs, 20_000)
    began = time.perf_counter()
    with measured(fleet.store, "place and activate (2 steps each)", wanted):
        for number in range(wanted):
            if time.perf_counter() - began > 1:  # as the nodes would
                keep(fleet, leases)
                began = time.perf_counter()
            lease = leases[number % len(leases)]
            placed = fleet.placement.place(lease, f"h{number}", utc_now(), here=True)
            if isinstance(placed, Here) and placed.grant:
                fleet.placement.activate(placed.grant, utc_now())


def keep(fleet: Fleet, leases: list[Lease]) -> None:
    """Let every node renew."""
    renew_some(fleet, leases, 0)


def renew_some(fleet: Fleet, leases: list[Lease], first: int) -> None:
    for number, lease in enumerate(leases, start=first):
        fleet.leases.renew(lease, node(number), 0.0, utc_now())


def burst(fleet: Fleet, leases: list[Lease]) -> None:
    fleet.directory.create_hub(Hub("lan", HubKind.STATIC), utc_now())
    fleet.directory.create_user(User("lan", "u", secret=b"s" * 20), utc_now())
    new = NewSession("lan", "u", "n0", "198.51.100.1:1")
    chosen: Counter[str] = Counter()
    logins = 3 * len(leases)
    keep(fleet, leases)
    with measured(fleet.store, "admit (static hub, a ticket each)", logins):
        for number in range(logins):
            lease = leases[number % len(leases)]
            ticket = number.to_bytes(20, "big")
            asked = replace(new, node=lease.node)
            placed = fleet.placement.admit(lease, asked, ticket, utc_now())
            chosen[placed.node if isinstance(placed, At) else lease.node] += 1
    print(f"{'':<42} spread over nodes: {min(chosen.values())} to {max(chosen.values())}")


def die(fleet: Fleet, leases: list[Lease]) -> None:
    """A fifth of the nodes is silent from now on."""
    count = len(leases) // 5
    dead, living = leases[:count], leases[count:]
    keep(fleet, leases)
    for _ in range(3):  # renewed each second, as ever, until the lease of the others expires
        time.sleep(1)
        renew_some(fleet, living, count)
    time.sleep(1.2)
    names = {lease.node for lease in dead}
    with measured(fleet.store, f"renewals that notice {count} dead nodes", len(living)):
        renew_some(fleet, living, count)
    gone = [n.id for n in fleet.nodes.nodes() if n.id in names and n.state != "up"]
    print(f"{'':<42} declared dead: {len(gone)} of {count}")
    lost = [owned.hub for name in gone for owned in fleet.placement.owned_by(name)]
    with measured(fleet.store, "place hubs of the dead", max(1, len(lost))):
        for number, hub in enumerate(lost):
            fleet.placement.place(living[number % len(living)], hub, utc_now())


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*(numbers + [1_000, 100_000][len(numbers) :]))
