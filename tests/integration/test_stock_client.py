"""The stock VPN Client on our gateway: two of them in namespaces reach each other through a hub.

      alpha              beta               gateway            quiet, still
      vpnclient          vpnclient          our gateway        a vpnclient each, idle
      10.99.0.1          10.99.0.2          10.99.0.3          10.99.0.4, 10.99.0.5
    ────┴──────────────────┴──────────────────┴──────────────────┴────  bridge

    vpn_lab 192.168.77.1 ═════ hub LAB at the gateway ═════ vpn_lab 192.168.77.2

The idle ones are on a hub of their own. They join first and are looked at last, three minutes
later, so that the wait is shared with the tests in between.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.stock.client import StockClient
from tests.stock.gateway import TCP_PORT, Gateway
from tests.stock.namespaces import Endpoint, Lan
from tests.stock.needs import missing
from tests.stock.traffic import exchange, iperf, ping
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "not a secret"
IDLE_S = 180
NO_IPV6 = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"  # the kernel would not stay silent


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("alpha", "beta", "gateway", "quiet", "still") as lan:
        yield lan


@pytest.fixture(scope="module")
def gateway(lan: Lan) -> Iterator[Gateway]:
    with Gateway(lan["gateway"]) as gateway:
        gateway.create_hub("LAB", alice=PASSWORD, bob=PASSWORD, guest=None)
        gateway.create_hub("QUIET", alice=PASSWORD)
        yield gateway


@dataclass(frozen=True, slots=True)
class Idler:
    """A client that joined at `since` (monotonic seconds) and has been left alone."""

    client: StockClient
    session: str
    since: float


@pytest.fixture(scope="module", autouse=True)
def idlers(lan: Lan, gateway: Gateway) -> Iterator[list[Idler]]:
    """One client with one connection, one with four in half-duplex mode."""
    with StockClient(lan["quiet"]) as one, StockClient(lan["still"]) as four:
        for client, options in ((one, {}), (four, {"max_connection": 4, "half_duplex": True})):
            client.namespace.run("sh", "-c", NO_IPV6)
            start(client, gateway, "alice", hub="QUIET", **options)
        for client in (one, four):
            client.wait_connected()
        four.wait_connections(4)
        yield [Idler(client, session_of(client), time.monotonic()) for client in (one, four)]


@pytest.fixture
def clients(lan: Lan) -> Iterator[tuple[StockClient, StockClient]]:
    with StockClient(lan["alpha"]) as alice, StockClient(lan["beta"]) as bob:
        yield alice, bob


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        pytest.param("/tcp", {}, id="tcp"),
        pytest.param("", {}, id="plain-host"),
        pytest.param("/tcp", {"compress": True}, id="compressed"),
        pytest.param("/tcp", {"max_connection": 8}, id="8-connections"),
        pytest.param("/tcp", {"max_connection": 4, "half_duplex": True}, id="4-half-duplex"),
        pytest.param(
            "",
            {"max_connection": 8, "half_duplex": True, "compress": True},
            id="8-half-duplex-compressed-plain-host",
        ),
    ],
)
def test_two_stock_clients_exchange_100_mb_both_ways(gateway, clients, figure, suffix, options):
    here, there = join(gateway, clients, suffix, **options)
    wanted = options.get("max_connection", 1)
    for client in clients:
        client.wait_connections(wanted)

    assert ping(here, there).lost == 0
    one_way, other_way = exchange(here, there, megabytes=100, timeout=120)
    figure("100 MB each way at once", f"{one_way.megabits:.0f} + {other_way.megabits:.0f} Mbit/s")
    figure("iperf3, one stream", f"{iperf(here, there, seconds=2):.0f} Mbit/s")

    for client in clients:
        assert (client.logins, client.errors()) == (1, [])
        assert client.connections == wanted
        status = client.status()
        assert status["Use of Compression"].startswith("Yes" if "compress" in options else "No")
        assert ("Half" in status["Half Duplex TCP Connection Mode"]) == ("half_duplex" in options)
        session = reported(gateway, session_of(client))
        assert session["client_name"].startswith("SoftEther VPN Client")
        assert session["use_compress"] == options.get("compress", False)
        assert session["half_connection"] == options.get("half_duplex", False)
        assert session["max_connection"] == wanted


def test_an_anonymous_client_reaches_one_with_a_password(gateway, clients):
    here, there = join(gateway, clients, "/tcp", users=("guest", "bob"))
    assert ping(here, there).lost == 0


def test_a_client_comes_back_after_disconnect(gateway, clients):
    here, there = join(gateway, clients, "/tcp")
    alice, _ = clients
    alice.disconnect()
    until(lambda: not alice.status(), "the end of the session")
    alice.reconnect()
    until(lambda: ping(here, there, count=3).lost == 0, "echoes to return", 5)
    assert alice.logins == 2


@pytest.mark.slow
def test_idle_clients_stay_joined_for_three_minutes(gateway, idlers):
    for idler in idlers:
        time.sleep(max(0, idler.since + IDLE_S - time.monotonic()))
    sessions = gateway.sessions("QUIET")
    assert set(sessions) == {idler.session for idler in idlers}
    for idler in idlers:
        assert idler.client.connected
        assert session_of(idler.client) == idler.session
        assert (idler.client.logins, idler.client.errors()) == (1, [])
        assert sessions[idler.session]["connections"] == idler.client.connections
    assert sum(e["hub"] == "QUIET" for e in gateway.events("session started")) == len(idlers)
    assert not [e for e in gateway.events("connection ended") if e["hub"] == "QUIET"]
    one, other = (idler.client for idler in idlers)
    here, there = one.address("192.168.78.1/24"), other.address("192.168.78.2/24")
    assert ping(here, there).lost == 0


def start(client: StockClient, gateway: Gateway, user: str, *, suffix: str = "/tcp", **options):
    """Begin to join as `user`; do not wait."""
    password = None if user == "guest" else PASSWORD
    options = {"hub": "LAB", "user": user, "password": password, **options}
    client.connect(host=f"{gateway.ip}{suffix}", tcp_port=TCP_PORT, wait=0, **options)


def join(
    gateway: Gateway,
    clients: tuple[StockClient, StockClient],
    suffix: str,
    users: tuple[str, str] = ("alice", "bob"),
    **options: object,
) -> tuple[Endpoint, Endpoint]:
    """Connect both clients to hub LAB at once and give them addresses."""
    for client, user in zip(clients, users, strict=True):
        start(client, gateway, user, suffix=suffix, **options)
    for client in clients:
        client.wait_connected()
    alice, bob = clients
    return alice.address("192.168.77.1/24"), bob.address("192.168.77.2/24")


def reported(gateway: Gateway, session: str) -> dict[str, Any]:
    """Return the row of a session once it tells of 100 MB each way, which takes 5 s at most."""

    def is_told() -> bool:
        traffic = gateway.sessions("LAB")[session]["traffic"]
        return min(traffic["received_unicast_bytes"], traffic["sent_unicast_bytes"]) > 100_000_000

    until(is_told, "100 MB in the session's row", 15, lambda: gateway.sessions("LAB"), pause=0.2)
    return gateway.sessions("LAB")[session]


def session_of(client: StockClient) -> str:
    return client.status()["Session Name"]
