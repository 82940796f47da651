"""`etherfleet connect` on our gateway: an address given or leased, and nothing left behind.

      alpha                        carol, dave            gateway
      vpnclient, dnsmasq on it     etherfleet connect     our gateway
      10.99.0.1                    10.99.0.2, 10.99.0.3   10.99.0.4
    ────┴────────────────────────────┴──────────────────────┴────  bridge

    vpn_lab 192.168.77.1 ═════ hub LAB ═════ ef0 192.168.77.3, ef0 by DHCP from 192.168.77.1

The gateway is killed in between; how its clients resume is told in test_resume.py.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stock.client import DEVICE as STOCK_DEVICE
from tests.stock.client import StockClient
from tests.stock.gateway import TCP_PORT, Gateway
from tests.stock.namespaces import Endpoint, Lan, Namespace
from tests.stock.needs import missing
from tests.stock.our_client import DEVICE, OurClient
from tests.stock.process import Process
from tests.stock.traffic import Pinging, exchange, iperf, ping
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
needs_dnsmasq = pytest.mark.skipif(
    shutil.which("dnsmasq") is None, reason="not installed: dnsmasq (package dnsmasq-base)"
)

PASSWORD = "not a secret"


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("alpha", "carol", "dave", "gateway") as lan:
        yield lan


@pytest.fixture(scope="module")
def gateway(lan: Lan) -> Iterator[Gateway]:
    with Gateway(lan["gateway"]) as gateway:
        gateway.create_hub("LAB", alice=PASSWORD, carol=PASSWORD, dave=PASSWORD)
        yield gateway


@pytest.fixture
def alice(lan: Lan, gateway: Gateway) -> Iterator[Endpoint]:
    """Where a stock client is that has joined."""
    with StockClient(lan["alpha"], clear_errors=True) as alice:
        at = {"tcp_port": TCP_PORT, "hub": "LAB", "password": PASSWORD}
        alice.connect(host=f"{gateway.ip}/tcp", user="alice", **at)
        yield alice.address("192.168.77.1/24")


@pytest.fixture
def dhcp(alice: Endpoint, tmp_path: Path) -> Iterator[Process]:
    """A DHCP server on the device of the stock client."""
    options = (
        f"--no-daemon --conf-file=/dev/null --port=0 --interface={STOCK_DEVICE} --bind-interfaces "
        "--dhcp-authoritative --no-ping --dhcp-range=192.168.77.50,192.168.77.60,255.255.255.0,1h "
        f"--dhcp-leasefile={tmp_path}/leases --user=root"
    ).split()
    with alice.namespace.start("dnsmasq", *options, log=tmp_path / "dnsmasq.log") as server:
        server.wait_for("sockets bound")
        yield server


@pytest.fixture
def carol(lan: Lan) -> Iterator[OurClient]:
    with OurClient(lan["carol"]) as carol:
        yield carol


@pytest.fixture
def dave(lan: Lan) -> Iterator[OurClient]:
    with OurClient(lan["dave"]) as dave:
        yield dave


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="plain"),
        pytest.param({"compress": True}, id="compressed"),
        pytest.param({"max_connection": 4, "half_duplex": True}, id="4-half-duplex"),
    ],
)
def test_our_client_with_a_given_address_and_a_stock_one(gateway, alice, carol, figure, options):
    join(carol, gateway, "carol", address="192.168.77.3/24", **options)
    here = carol.endpoint
    assert here.ip == "192.168.77.3"
    assert ping(here, alice).lost == 0
    one_way, other_way = exchange(here, alice, megabytes=50, timeout=90)
    figure("50 MB each way at once", f"{one_way.megabits:.0f} + {other_way.megabits:.0f} Mbit/s")
    figure("iperf3 from ours, one stream", f"{iperf(here, alice, seconds=2):.0f} Mbit/s")
    session = gateway.sessions("LAB")[carol.session]
    assert session["client_name"].startswith("EtherFleet VPN Client")
    assert session["use_compress"] == options.get("compress", False)
    assert session["half_connection"] == options.get("half_duplex", False)

    assert carol.leave() == 0
    assert not has_device(carol.namespace)


def test_who_asks_for_a_page_is_sent_to_another(gateway, alice, carol, tmp_path):
    join(carol, gateway, "carol", address="192.168.77.3/24")
    here = carol.endpoint
    ask = ["curl", "-sS", "--max-time", "10", "-o", "/dev/null"]
    ask += ["-w", "%{http_code} %{redirect_url}", f"http://{alice.ip}:8000/"]
    serve = ["python3", "-um", "http.server", "8000", "--directory", str(tmp_path)]
    with alice.namespace.start(*serve, log=tmp_path / "web.log") as web:
        web.wait_for("Serving")
        until(lambda: here.namespace.run(*ask) == "200 ", "the page itself", 30)
        rule = ["--destination-ports", "8000", "--redirect", "http://portal.example/?<INFO>"]
        made = json.loads(gateway.command("access", "add", "LAB", "pass", *rule, "--json"))
        sent = "302 http://portal.example/?carol|SID-CAROL-"
        until(lambda: here.namespace.run(*ask).startswith(sent), "the redirect", 30)
        asked = web.output().count("GET ")
        assert here.namespace.run(*ask).startswith(sent)
        assert web.output().count("GET ") == asked, "the page was asked"

        def counted() -> bool:
            return gateway.ask("hub", "show", "LAB")["dropped_frames"].get("redirected", 0) >= 2

        until(counted, "counted as redirected", 30)
        gateway.command("access", "delete", "LAB", str(made["number"]), "--yes")
        until(lambda: here.namespace.run(*ask) == "200 ", "the page itself again", 30)


@needs_dnsmasq
def test_leased_addresses_outlive_the_gateway(gateway, alice, dhcp, carol, dave, figure):
    for client, user in ((carol, "carol"), (dave, "dave")):
        join(client, gateway, user)
    here, there = carol.endpoint, dave.endpoint
    assert here.ip != there.ip
    before = {carol.session, dave.session}
    with Pinging(here, there) as pinging:
        assert ping(here, alice).lost == 0
        gateway.kill()
        gateway.start()
        until(lambda: ping(here, there, count=5).lost == 0, "echoes of dave", 30, carol.log)
        until(lambda: ping(here, alice, count=5).lost == 0, "echoes of alice", 30, carol.log)
    figure("killed: longest gap, our client to ours", f"{pinging.result.longest_gap:.2f} s")
    gaps = " and ".join(f"{gap:.2f} s" for gap in (*carol.gaps, *dave.gaps))
    figure("killed: without a connection, as our clients tell", gaps)
    assert (carol.endpoint, dave.endpoint) == (here, there)
    assert (carol.logins, dave.logins) == (1, 1)
    assert before < set(gateway.sessions("LAB"))
    assert gateway.events("session started", gateway.starts - 1) == []

    for client in (carol, dave):
        assert client.leave() == 0
        assert not has_device(client.namespace)
    for ip in (here.ip, there.ip):
        dhcp.wait_for(f"DHCPRELEASE({STOCK_DEVICE}) {ip}")


def join(client: OurClient, gateway: Gateway, user: str, **options: object) -> None:
    at = {"host": gateway.ip, "tcp_port": TCP_PORT, "hub": "LAB"}
    client.connect(user=user, password=PASSWORD, **at, **options)


def has_device(namespace: Namespace) -> bool:
    return f" {DEVICE}:" in namespace.run("ip", "-o", "link", "show")
