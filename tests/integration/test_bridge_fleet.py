"""A static hub on the LAN of several gateways: placement, moves, and one loop too many.

  store      host-a      host-b      host-c      carol     dave       desk
             1 worker    1 worker    1 worker    etherfleet connect   192.168.77.1
────┴──────────┴───────────┴───────────┴───────────┴─────────┴────
              eth1        eth1      no eth1                            │
                └───────────┴──────────────────────────────────────────┴────  the office
"""

from collections.abc import Iterator

import pytest

from coordinator.model import Bridge, BridgeState, NodeMode
from tests.stock.fleet import Fleet
from tests.stock.host import TCP_PORT
from tests.stock.namespaces import Namespace
from tests.stock.needs import missing
from tests.stock.office import DEVICE, Office
from tests.stock.our_client import DEVICE as TAP
from tests.stock.our_client import OurClient
from tests.stock.traffic import ping
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "not a secret"
NAME = "fleet.test"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet("carol", "dave", workers=1) as fleet:
        fleet.create_hub("LAN", static=True, carol=PASSWORD, dave=PASSWORD)
        for label in ("carol", "dave"):
            # A kernel that speaks of its own accord would hide what nobody announced.
            fleet[label].run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        yield fleet


@pytest.fixture(scope="module")
def office(fleet: Fleet) -> Iterator[Office]:
    with Office(fleet["host-a"], fleet["host-b"]) as office:
        fleet.records.bridges.add(Bridge("LAN", DEVICE))
        until(lambda: states(fleet) == ["up", "up", "missing"], "the bridges", 5,
              lambda: states(fleet))  # fmt: skip
        yield office


def states(fleet: Fleet) -> list[str]:
    """Return the state of the bridge on each machine, "" for none."""
    rows = {node.id: node for node in fleet.records.nodes.nodes()}
    return ["".join(s.state for s in rows[name].bridges) for name in fleet.hosts]


def nodes_of(fleet: Fleet, user: str) -> set[str]:
    """Return the nodes of a user's sessions; one that is left over waits for its client."""
    return {r.node for r in fleet.records.sessions.of_hub("LAN") if r.user == user}


def join(client: OurClient, fleet: Fleet, user: str, address: str) -> None:
    at = {"tcp_port": TCP_PORT, "hub": "LAN", "user": user, "password": PASSWORD}
    client.connect(host=NAME, address=address, wait=40, **at)


def clients(fleet: Fleet) -> tuple[OurClient, OurClient]:
    names = {NAME: [host.ip for host in fleet.hosts.values()]}
    return OurClient(fleet["carol"], names=names), OurClient(fleet["dave"], names=names)


def mac_of(namespace: Namespace) -> str:
    return namespace.run("cat", f"/sys/class/net/{TAP}/address").strip()


def test_users_meet_on_the_lan_and_a_moved_one_is_found_though_it_is_silent(fleet, office):
    one, other = clients(fleet)
    with one as carol, other as dave:
        join(carol, fleet, "carol", "192.168.77.3/24")
        join(dave, fleet, "dave", "192.168.77.4/24")
        nodes = set(fleet.sessions("LAN").values())
        assert nodes == {"host-a", "host-b"}, "each to the least loaded of those that have the LAN"
        assert ping(carol.endpoint, dave.endpoint).received
        assert ping(office.place, carol.endpoint).received
        mac = mac_of(fleet["carol"])
        (record,) = (r for r in fleet.records.sessions.of_hub("LAN") if r.user == "carol")
        sessions, was = fleet.records.sessions, fleet.hosts[record.node]
        survivor = next(iter(nodes - {record.node}))
        assert office.where(mac) == f"{was.name}-{DEVICE}"
        until(lambda: mac in sessions.get("LAN", record.name).macs, "the hint in the record", 10)
        was.kill()
        until(
            lambda: survivor in nodes_of(fleet, "carol"),
            "the session elsewhere", 30, fleet.explain,
        )  # fmt: skip
        # The office's switch knows before carol has sent a frame, and before anybody asked.
        until(lambda: office.where(mac) == f"{survivor}-{DEVICE}", "the announcement", 5)
        assert ping(office.place, carol.endpoint, count=10).lost == 0
        was.start()
    until(lambda: states(fleet) == ["up", "up", "missing"], "the bridges", 10)


def test_sessions_leave_a_gateway_that_lost_its_lan(fleet, office):
    one, _ = clients(fleet)
    with one as carol:
        fleet.set_mode("host-b", NodeMode.CORDONED)
        join(carol, fleet, "carol", "192.168.77.3/24")
        assert fleet.sessions("LAN")[carol.session] == "host-a"
        fleet.set_mode("host-b", NodeMode.SERVING)
        fleet["host-a"].run("ip", "link", "set", DEVICE, "down")
        until(
            lambda: fleet.sessions("LAN").get(carol.session) == "host-b",
            "the session elsewhere", 20, fleet.explain,
        )  # fmt: skip
        until(lambda: ping(carol.endpoint, office.place, count=3).received, "the LAN", 20)
        fleet["host-a"].run("ip", "link", "set", DEVICE, "up")
        until(lambda: states(fleet) == ["up", "up", "missing"], "the bridges", 5)
        assert not fleet.faults()


def test_two_instances_joined_twice_are_cut_once_and_heal(fleet, office):
    """A site joins one instance by a session with bridge rights and is on the LAN by its own
    card: what a cascade between two bridged gateways is, too."""
    one, _ = clients(fleet)
    with one as carol:
        join(carol, fleet, "carol", "192.168.77.3/24")
        site = fleet["dave"]
        office.plug(site, "eth5")
        with OurClient(site, names={NAME: [fleet.hosts["host-b"].ip]}) as dave:
            at = {"tcp_port": TCP_PORT, "hub": "LAN", "user": "dave", "password": PASSWORD}
            dave.connect(host=NAME, address="192.168.77.4/24", wait=40, bridge=True, **at)
            for command in ("add br0 type bridge", "set br0 up", "set eth5 master br0",
                            f"set {TAP} master br0"):  # fmt: skip
                site.run("ip", "link", *command.split())
            until(lambda: states(fleet).count(BridgeState.LOOP) == 1, "a bridge to be shut", 5)
            told = [e for e in fleet.records.history.latest(20) if e.what == "bridge"]
            assert "its own frames came back through the hub" in told[-1].why
            assert ping(carol.endpoint, office.place, count=10).received
            assert sorted(states(fleet)) == ["loop", "missing", "up"]
        site.run("ip", "link", "delete", "br0")
        office.unplug(site, "eth5")
    until(lambda: states(fleet) == ["up", "up", "missing"], "it to heal", 20)
