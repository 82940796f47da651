"""A hub with users, a LAN and two cascades at once; and a loop by a LAN and a cascade.

  store     host-a    host-b      carol    dave    erin     frank        desk
            1 worker  1 worker    etherfleet connect                     192.168.77.1
────┴─────────┴─────────┴───────────┴───────┴───────┴─────────┴────       │
             eth1      eth1                                               │
               └─────────┴────────────────────────────────────────────────┴────  the office

uses   carol, dave ══ MAIN, static, on both hosts ══ eth1 ── desk
                        ║ ║
                        ║ ╚═ cascade south ═► SOUTH ══ frank
                        ╚═══ cascade north ═► NORTH ══ erin

loop   EAST at host-a ══ eth1 ── the office ── eth1 ══ WEST at host-b
          ╚═══════════════ cascade over ═══════════════► ╝
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from coordinator.cascade import Cascade, CascadeState
from coordinator.model import Bridge, BridgeState, NodeMode
from coordinator.times import utc_now
from gateway.admin import cascades
from gateway.admin.cascades import troubles
from gateway.admin.fleet_status import judge, read
from gateway.wire.auth import user_password_hash
from tests.stock.broadcasts import Counting, broadcast
from tests.stock.fleet import Fleet
from tests.stock.host import TCP_PORT
from tests.stock.namespaces import Endpoint
from tests.stock.needs import missing
from tests.stock.office import DEVICE, Office
from tests.stock.our_client import DEVICE as TAP
from tests.stock.our_client import OurClient
from tests.stock.traffic import ping
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "not a secret"
NAME = "fleet.test"
HOME = {"carol": "MAIN", "dave": "MAIN", "erin": "NORTH", "frank": "SOUTH"}
BURST = 2000  # of the storm guard of a port


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(*HOME, workers=1, hosts=("host-a", "host-b")) as fleet:
        for hub in ("MAIN", "NORTH", "SOUTH", "EAST", "WEST"):
            users = {name: PASSWORD for name, home in HOME.items() if home == hub}
            is_static = hub not in ("NORTH", "SOUTH")
            fleet.create_hub(hub, static=is_static, lab=PASSWORD, **users)
        yield fleet
        assert fleet.faults() == []


@pytest.fixture(scope="module")
def office(fleet: Fleet) -> Iterator[Office]:
    with Office(*(fleet[name] for name in fleet.hosts)) as office:
        yield office


def cascade(fleet: Fleet, hub: str, name: str, to: str) -> None:
    secret = user_password_hash(PASSWORD, "lab")
    at = fleet.hosts["host-a"].ip, TCP_PORT
    fleet.records.cascades.create(Cascade(hub, name, *at, to, "lab", secret=secret), utc_now())


def state(fleet: Fleet, hub: str, name: str) -> CascadeState:
    return cascades.report(fleet.records, hub, name).state


def bridges(fleet: Fleet, hub: str) -> dict[str, BridgeState]:
    """Return the state of a hub's bridges by node."""
    return {
        node.id: status.state
        for node in fleet.records.nodes.nodes()
        for status in node.bridges
        if status.hub == hub.lower()
    }


def let_broadcast(fleet: Fleet, hub: str, *names: str) -> None:
    """Take the storm guard away from some users of a hub."""
    for name in names:
        user = fleet.records.directory.user(hub, name)
        assert user is not None
        changed = replace(user, policy={"NoBroadcastLimiter": 1})
        fleet.records.directory.set_user(changed, utc_now())


def warnings(fleet: Fleet) -> str:
    """Return what `status` warns of."""
    clock = itertools.count().__next__
    return "\n".join(judge(read(fleet.records, utc_now(), clock)).warnings)


def seconds(event: Any) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def test_users_a_lan_and_two_cascades_are_one_segment_and_a_storm_stays_at_its_port(
    fleet: Fleet, office: Office
) -> None:
    fleet.records.bridges.add(Bridge("MAIN", DEVICE))
    let_broadcast(fleet, "NORTH", "erin", "lab")
    up = dict.fromkeys(fleet.hosts, BridgeState.UP)
    until(lambda: bridges(fleet, "MAIN") == up, "the bridges", 10, fleet.explain)
    for name in ("north", "south"):
        cascade(fleet, "MAIN", name, name.upper())
    names = {NAME: [host.ip for host in fleet.hosts.values()]}
    with ExitStack() as stack:
        clients = {n: stack.enter_context(OurClient(fleet[n], names=names)) for n in HOME}

        def join(name: str) -> Endpoint:
            at = {"host": NAME, "tcp_port": TCP_PORT, "hub": HOME[name], "user": name}
            address = f"192.168.77.{list(HOME).index(name) + 2}/24"
            clients[name].connect(password=PASSWORD, address=address, wait=40, **at)
            return clients[name].endpoint

        places = {"desk": office.place}
        for name, elsewhere in (("carol", "host-b"), ("dave", "host-a")):
            fleet.set_mode(elsewhere, NodeMode.CORDONED)
            places[name] = join(name)
            fleet.set_mode(elsewhere, NodeMode.SERVING)
        with ThreadPoolExecutor() as pool:
            rest = ("erin", "frank")
            places |= dict(zip(rest, pool.map(join, rest), strict=True))
        assert set(fleet.sessions("MAIN").values()) == set(fleet.hosts)
        for one, other in itertools.combinations(places.values(), 2):
            until(lambda a=one, b=other: ping(a, b, count=5).lost == 0, f"{one} {other}", 30,
                  fleet.explain)  # fmt: skip
            assert ping(other, one, count=5).duplicates == 0
        assert {state(fleet, "MAIN", n) for n in ("north", "south")} == {CascadeState.CONNECTED}
        one_broadcast_each(fleet, office)
        storm(fleet, office)
    for name in ("north", "south"):
        fleet.records.cascades.delete("MAIN", name)
    fleet.records.bridges.remove(Bridge("MAIN", DEVICE))


def one_broadcast_each(fleet: Fleet, office: Office) -> None:
    """Whatever anybody sends to everybody, everybody else has once."""
    at = {name: (fleet[name], TAP) for name in HOME} | {"desk": (office.desk, "eth0")}
    with ExitStack() as stack:
        counting = {n: stack.enter_context(Counting(*place)) for n, place in at.items()}
        for place in at.values():
            broadcast(*place, 20)
        until(lambda: ping(fleet["erin"].at("192.168.77.4"), office.place, count=1).received, "")
    for name, one in counting.items():
        assert list(one.by_sender.values()) == [20] * 4, (name, one.by_sender)


def storm(fleet: Fleet, office: Office) -> None:
    """erin floods her hub, which lets her; the cascade's port on MAIN does not, and frank's does
    not suffer for it."""
    macs = {n: fleet[n].run("cat", f"/sys/class/net/{TAP}/address").strip() for n in HOME}
    sent = 10 * BURST
    with ExitStack() as stack:
        sites = [(fleet["erin"], TAP), (office.desk, "eth0"), (fleet["frank"], TAP)]
        counting = [stack.enter_context(Counting(*site)) for site in sites]
        broadcast(fleet["erin"], TAP, sent, per_second=1e6)
        broadcast(fleet["frank"], TAP, 50)
    north, desk, south = (one.by_sender for one in counting)
    assert desk[macs["frank"]] == north[macs["frank"]] == 50
    for seen in (desk, south):
        assert 0 < seen[macs["erin"]] < sent / 2, "the guard of that port"
    until(
        lambda: fleet.records.traffic.hub("MAIN").drops.get("broadcast-storm", 0),
        "the drops to be told", 15,
    )  # fmt: skip


def test_two_gateways_on_one_lan_and_cascaded_to_each_other_are_cut_and_heal(
    fleet: Fleet, office: Office, figure: Any
) -> None:
    """Each hub is bridged on one gateway only: by exceptions of nodes, and of labels."""
    for rule in (
        Bridge("EAST", DEVICE, node="host-a"),
        Bridge("EAST", "none", node="host-b"),
        Bridge("WEST", DEVICE),
        Bridge("WEST", "none", label="at-host-a"),
    ):
        fleet.records.bridges.add(rule)
    standing = {"host-a": BridgeState.UP}, {"host-b": BridgeState.UP}
    until(lambda: (bridges(fleet, "EAST"), bridges(fleet, "WEST")) == standing, "the bridges", 10)
    cascade(fleet, "EAST", "over", "WEST")

    def cuts() -> list[str]:
        """Return every port that is shut."""
        shut = [h for h in ("EAST", "WEST") for s in bridges(fleet, h).values()
                if s is BridgeState.LOOP]  # fmt: skip
        return shut + ["over"] * (state(fleet, "EAST", "over") is CascadeState.LOOPED)

    until(cuts, "one of them to be cut", 20, fleet.explain)
    events = sorted((e for h in fleet.hosts.values() for e in h.events()), key=seconds)
    joined = next(e for e in events if e["event"] == "cascade joined" and e["hub"] == "EAST")
    shut = [e for e in events if e["event"].startswith(("bridge shut", "cascade cut"))]
    figure(
        "a loop by a LAN and a cascade is cut after", f"{seconds(shut[0]) - seconds(joined):.2f} s"
    )
    until(lambda: len(cuts()) == 1, "one cut, and no more", 10, fleet.explain)
    assert "own frames" in warnings(fleet), warnings(fleet)
    assert ("cascade over of hub EAST" in "".join(troubles(fleet.records))) == (cuts() == ["over"])
    with Counting(office.desk, "eth0") as counting:
        broadcast(office.desk, "eth0", 20)
    assert counting.count == 0, "nothing the desk sends comes back to it"
    office.unplug(fleet["host-b"])
    until(lambda: not cuts() and state(fleet, "EAST", "over") is CascadeState.CONNECTED,
          "it to heal", 30, fleet.explain)  # fmt: skip
