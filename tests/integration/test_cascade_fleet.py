"""Cascades out of a fleet and into one, while the owner of the hub is killed.

  store     host-a   host-b   host-c      branch          alpha         ours
  Valkey    one worker on each machine    stock server    vpnclient     etherfleet connect
  10.99.0.1 .2       .3       .4          .5              .6            .7
────┴─────────┴────────┴────────┴───────────┴───────────────┴─────────────┴────  bridge

out  alpha ═══ hub BRANCH at branch ◄═══ hub LAB (its owner) ═══ ours
in   alpha ═══ hub BRANCH at branch ═══► hub LAB (its owner) ═══ ours
"""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from coordinator.cascade import Cascade, CascadeAuth, CascadeState
from coordinator.times import utc_now
from gateway.admin import cascades
from gateway.admin.cascades import CascadeReport
from gateway.wire.auth import user_password_hash
from tests.identities import pem, self_signed
from tests.stock import server as stock
from tests.stock.client import StockClient
from tests.stock.fleet import Fleet
from tests.stock.host import TCP_PORT
from tests.stock.namespaces import Endpoint
from tests.stock.needs import missing
from tests.stock.our_client import OurClient
from tests.stock.server import StockServer
from tests.stock.traffic import exchange, ping
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "not a secret"
ALICE, CAROL = "192.168.77.1/24", "192.168.77.3/24"
BACK_S = 30  # a generous deadline; what it takes is printed


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    # A short time-out: the stock server holds on to a lost session for so long.
    settings = "[session]\ntimeout_s = 3\n"
    with Fleet("branch", "alpha", "ours", workers=1, settings=settings) as fleet:
        fleet.create_hub("LAB", carol=PASSWORD, branch=PASSWORD)
        yield fleet
        assert fleet.faults() == []


@pytest.fixture(scope="module")
def branch(fleet: Fleet) -> Iterator[StockServer]:
    """The stock server, with a user for us."""
    with StockServer(fleet["branch"], clear_errors=True) as branch:
        branch.create_hub("BRANCH", alice=PASSWORD, lab=PASSWORD)
        yield branch


@pytest.fixture(scope="module")
def alice(fleet: Fleet, branch: StockServer) -> Iterator[Endpoint]:
    """Behind the stock server's hub."""
    with StockClient(fleet["alpha"]) as alice:
        alice.connect(
            host=f"{branch.namespace.ip}/tcp",
            tcp_port=stock.TCP_PORT,
            hub="BRANCH",
            user="alice",
            password=PASSWORD,
        )
        yield alice.address(ALICE)


@pytest.fixture
def carol(fleet: Fleet) -> Iterator[OurClient]:
    """On the fleet's hub: by all machines, so one that is killed is not missed."""
    names = {"fleet.test": [host.ip for host in fleet.hosts.values()]}
    with OurClient(fleet["ours"], names=names) as carol:
        carol.connect(
            host="fleet.test",
            tcp_port=TCP_PORT,
            hub="LAB",
            user="carol",
            password=PASSWORD,
            address=CAROL,
        )
        yield carol


def connected(fleet: Fleet, *, other_than: str = "") -> CascadeReport:
    """Wait until LAB's cascade stands, on another node than `other_than`."""
    seen = lambda: cascades.report(fleet.records, "LAB", "up")  # noqa: E731  # short
    return until(
        lambda: (
            (found := seen()).state is CascadeState.CONNECTED and found.node != other_than and found
        ),
        "the cascade",
        BACK_S,
        lambda: (seen(), fleet.explain()),
        pause=0.02,
    )


def by_certificate(fleet: Fleet, branch: StockServer, cascade: Cascade) -> None:
    """Have the cascade log in as another user, by a certificate."""
    key = rsa.generate_private_key(65537, 2048)
    branch.create_user_by_certificate("BRANCH", "keyholder", self_signed(key))
    changed = replace(
        cascade,
        user="keyholder",
        auth=CascadeAuth.CERTIFICATE,
        secret=pem(key).encode(),
        certificate=self_signed(key),
    )
    version = fleet.records.cascades.set(changed, utc_now()).version
    until(
        lambda: (seen := cascades.report(fleet.records, "LAB", "up").status)
        and (seen.version, seen.state) == (version, CascadeState.CONNECTED),
        "the login by certificate", BACK_S, lambda: cascades.report(fleet.records, "LAB", "up"),
    )  # fmt: skip


def joined_from(branch: StockServer) -> set[str]:
    """Return from where the fleet is connected to the stock server now."""
    listed = branch.namespace.run(
        "ss", "-Htn", "state", "established", f"sport = :{stock.TCP_PORT}"
    )
    peers = re.findall(r"([\d.]+)\]?:\d+\s*$", listed, re.MULTILINE)
    return set(peers) - {"10.99.0.6"}  # alice


class Watching:
    """Looks again and again at from where the stock server has sessions of ours; `most` at once."""

    def __init__(self, branch: StockServer) -> None:
        self.most = 0
        self._branch = branch
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, len(joined_from(self._branch)))

    def __enter__(self) -> "Watching":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()


def reached(source: Endpoint, target: Endpoint, fleet: Fleet) -> None:
    """Wait until echo requests come back, one and all of several in a row."""
    until(lambda: ping(source, target, count=5).lost == 0, "frames", 60, fleet.explain)


def test_a_hub_cascades_out_and_its_next_owner_goes_on_with_it_alone(
    fleet: Fleet, branch: StockServer, alice: Endpoint, figure: Any
) -> None:
    fleet.records.cascades.create(
        Cascade(
            *("LAB", "up", branch.namespace.ip, stock.TCP_PORT, "BRANCH", "lab"),
            secret=user_password_hash(PASSWORD, "lab"),
        ),
        utc_now(),
    )
    try:
        by_password = connected(fleet)
        (there,) = branch.sessions_of("BRANCH", "lab")
        assert branch.session("BRANCH", there)["Bridge / Router Mode"] == "Yes"
        by_certificate(fleet, branch, by_password.cascade)
        before = connected(fleet)
        assert before.status is not None
        assert before.status.session.startswith("SID-KEYHOLDER")
        assert fleet.sessions("LAB") == {}, "nobody but the cascade needs the hub"
        (there,) = branch.sessions_of("BRANCH", "keyholder")
        assert branch.session("BRANCH", there)["Bridge / Router Mode"] == "Yes"
        names = {"fleet.test": [host.ip for host in fleet.hosts.values()]}
        with OurClient(fleet["ours"], names=names) as carol:
            at = {"host": "fleet.test", "tcp_port": TCP_PORT, "hub": "LAB", "user": "carol"}
            carol.connect(password=PASSWORD, address=CAROL, **at)
            here = carol.endpoint
            reached(here, alice, fleet)
            sent = exchange(here, alice, megabytes=10)
            figure("20 MB through a cascade out", [f"{t.megabits:.0f} Mbit/s" for t in sent])
            with Watching(branch) as watching:
                fleet.host_of(before.node).kill()
                killed = time.monotonic()
                after = connected(fleet, other_than=before.node)
                until(lambda: ping(alice, here, count=1).received, "alice's frames", 60)
                took = time.monotonic() - killed
            figure("owner killed, alice -> carol", f"{took:.1f} s")
            assert watching.most == 1, "never two sessions that are connected"
            assert after.status is not None
            assert before.status is not None
            assert after.status.epoch > before.status.epoch
            assert joined_from(branch) == {fleet.host_of(after.node).ip}
        (third,) = set(fleet.hosts) - {before.node, after.node}
        fleet.move("LAB", third)
        assert connected(fleet, other_than=after.node).node == third
        assert joined_from(branch) == {fleet.hosts[third].ip}
        logs = fleet.hosts[after.node].events("cascade stopped")
        assert [stop["why"] for stop in logs] == ["hub-moved"]
    finally:
        fleet.records.cascades.delete("LAB", "up")


def test_a_stock_server_cascades_in_and_comes_back_by_itself_when_the_owner_is_killed(
    fleet: Fleet, branch: StockServer, alice: Endpoint, carol: OurClient, figure: Any
) -> None:
    entry, owner = (label for label, host in fleet.hosts.items() if host.is_running)
    fleet.move("LAB", owner)
    status = branch.cascade(
        "BRANCH",
        host=fleet.hosts[entry].ip,
        tcp_port=TCP_PORT,
        to_hub="LAB",
        user="branch",
        password=PASSWORD,
    )
    assert status["Bridge / Router Mode"] == "Yes"
    here = carol.endpoint
    reached(here, alice, fleet)
    fleet.hosts[owner].kill()
    killed = time.monotonic()
    fleet.wait_owner("LAB", other_than=owner)
    until(lambda: ping(here, alice, count=1).received, "carol's frames", 90, fleet.explain)
    took = time.monotonic() - killed
    figure("owner killed, carol -> alice by a stock cascade", f"{took:.1f} s")
    reached(alice, here, fleet)
    assert branch.cascaded("BRANCH")
