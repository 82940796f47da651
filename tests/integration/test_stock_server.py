"""The stock VPN Server as our peer: it cascades into our hub, and our client logs in to it.

      alpha             branch            gateway           beta              ours
      vpnclient         vpnserver         our gateway       vpnclient         etherfleet connect
      10.99.0.1         10.99.0.2         10.99.0.3         10.99.0.4         10.99.0.5
    ────┴─────────────────┴─────────────────┴─────────────────┴─────────────────┴────  bridge

    cascade     alpha ═══ hub BRANCH at branch ═══ hub LAB at gateway ═══ beta and ours
    our client  alpha ═══ hub BRANCH at branch ═══ ours

The stock programs run as the package ships them, without preload.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stock import server as stock
from tests.stock.client import DEVICE, StockClient
from tests.stock.gateway import TCP_PORT, Gateway
from tests.stock.namespaces import Lan
from tests.stock.needs import missing
from tests.stock.our_client import OurClient
from tests.stock.server import StockServer
from tests.stock.traffic import Transfer, exchange, iperf, ping
from tests.stock.vpncmd import Record, records
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "not a secret"
ALICE, BOB, CAROL = "192.168.77.1/24", "192.168.77.2/24", "192.168.77.3/24"


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("alpha", "branch", "gateway", "beta", "ours") as lan:
        yield lan


@pytest.fixture(scope="module")
def gateway(lan: Lan) -> Iterator[Gateway]:
    with Gateway(lan["gateway"]) as gateway:
        gateway.create_hub("LAB", bob=PASSWORD, carol=PASSWORD, branch=PASSWORD)
        yield gateway


@pytest.fixture
def branch(lan: Lan) -> Iterator[StockServer]:
    with StockServer(lan["branch"]) as branch:
        branch.create_hub("BRANCH", alice=PASSWORD, carol=PASSWORD)
        yield branch


@pytest.fixture
def alice(lan: Lan, branch: StockServer) -> Iterator[StockClient]:
    """A stock client that is joined to the stock server."""
    with StockClient(lan["alpha"]) as alice:
        alice.connect(
            host=f"{branch.namespace.ip}/tcp",
            tcp_port=stock.TCP_PORT,
            hub="BRANCH",
            user="alice",
            password=PASSWORD,
        )
        yield alice


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_a_stock_server_cascades_its_hub_into_ours(lan, gateway, branch, alice, figure, compress):
    status = branch.cascade(
        "BRANCH",
        host=gateway.ip,
        tcp_port=TCP_PORT,
        to_hub="LAB",
        user="branch",
        password=PASSWORD,
        compress=compress,
    )
    assert status["Bridge / Router Mode"] == "Yes"

    def cascade() -> dict[str, Any]:
        return gateway.sessions("LAB")[status["Session Name"]]

    assert cascade()["client_name"].endswith("(Cascade Mode)")
    assert (cascade()["user"], cascade()["bridge"]) == ("branch", True)
    assert cascade()["use_compress"] is compress
    with StockClient(lan["beta"]) as bob, OurClient(lan["ours"]) as carol:
        at = {"host": gateway.ip, "tcp_port": TCP_PORT, "hub": "LAB", "password": PASSWORD}
        bob.connect(user="bob", **at)
        carol.connect(user="carol", address=CAROL, **at)
        here, there = alice.address(ALICE), bob.address(BOB)
        assert ping(here, there).lost == 0
        assert ping(carol.endpoint, here).lost == 0
        transfers = exchange(here, there, megabytes=20)
        figure("20 MB each way at once, through the cascade", both(transfers))

        mac = alice.namespace.run("cat", f"/sys/class/net/{DEVICE}/address").strip()
        until(lambda: mac in cascade()["macs"], "the MAC of alice behind it", 15, cascade)
        until(lambda: cascade()["connections"] == 8, "eight connections of it", 30, cascade)
        assert ping(there, here).lost == 0


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param({"compress": True}, id="compressed"),
        pytest.param({"max_connection": 4}, id="4-connections"),
        pytest.param({"max_connection": 4, "half_duplex": True}, id="4-half-duplex"),
        pytest.param(
            {"max_connection": 8, "half_duplex": True, "compress": True},
            id="8-half-duplex-compressed",
        ),
        pytest.param({"bridge": True}, id="bridge"),
    ],
)
def test_our_client_joins_a_hub_of_a_stock_server(lan, branch, alice, figure, options):
    with OurClient(lan["ours"]) as carol:
        join_branch(carol, branch, **options)

        def session() -> Record:
            return records(branch.vpncmd("Hub BRANCH", f"SessionGet {carol.session}")[1])[0]

        wanted = str(options.get("max_connection", 1))
        tcp = "Number of TCP Connections"
        until(lambda: session()[tcp] == wanted, f"{wanted} TCP connections", 30, session)
        here, there = alice.address(ALICE), carol.endpoint
        assert ping(here, there).lost == 0
        transfers = exchange(here, there, megabytes=20)
        figure("20 MB each way at once, stock client and ours", both(transfers))
        figure("iperf3 from ours, one stream", f"{iperf(there, here, seconds=2):.0f} Mbit/s")

        told = session()
        for key, option in (
            ("Use of Compression", "compress"),
            ("Half Duplex TCP Connection Mode", "half_duplex"),
            ("Bridge / Router Mode", "bridge"),
        ):
            assert told[key].startswith("Yes" if option in options else "No"), key
        assert carol.logins == 1, carol.log()


def test_our_client_logs_in_anew_at_a_stock_server_that_was_killed(lan, branch, alice):
    branch.vpncmd("Flush")  # writes its settings down
    with OurClient(lan["ours"]) as carol:
        join_branch(carol, branch)
        branch.daemon.kill()
        branch.daemon.start()
        until(lambda: carol.logins == 2, "a new session", 20, carol.log)
        assert len(branch.sessions("BRANCH")) >= 1


def join_branch(carol: OurClient, branch: StockServer, **options: Any) -> None:
    carol.connect(
        host=branch.namespace.ip,
        tcp_port=stock.TCP_PORT,
        hub="BRANCH",
        user="carol",
        password=PASSWORD,
        address=CAROL,
        **options,
    )


def both(transfers: tuple[Transfer, Transfer]) -> str:
    return f"{transfers[0].megabits:.0f} + {transfers[1].megabits:.0f} Mbit/s"
