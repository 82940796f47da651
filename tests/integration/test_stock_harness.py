"""The harness itself, against the stock server: what stock programs do among themselves.

      alpha              beta               gateway            branch
      vpnclient          vpnclient          vpnserver          vpnserver
      10.99.0.1          10.99.0.2          10.99.0.3          10.99.0.4
    ────┴──────────────────┴──────────────────┴──────────────────┴────  bridge

    vpn_lab 192.168.77.1 ═════ hub LAB at the gateway ═════ vpn_lab 192.168.77.2

When a test of our gateway fails and these pass, it is not the harness.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stock.client import StockClient
from tests.stock.namespaces import Endpoint, Lan, sweep
from tests.stock.needs import missing
from tests.stock.process import alive
from tests.stock.server import TCP_PORT, StockServer
from tests.stock.traffic import Pinging, exchange, iperf, ping, transfer
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("alpha", "beta", "gateway", "branch") as lan:
        yield lan


@pytest.fixture(scope="module")
def server(lan: Lan) -> Iterator[StockServer]:
    with StockServer(lan["gateway"]) as server:
        server.create_hub("LAB", alice="not a secret", bob=None)
        yield server


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
        pytest.param(
            "/tcp", {"max_connection": 8, "half_duplex": True}, id="8-half-duplex-connections"
        ),
    ],
)
def test_two_stock_clients_reach_each_other(lan, server, clients, suffix, options):
    alice, bob = clients
    here, there = join(server, alice, bob, suffix, **options)

    assert ping(here, there).lost == 0
    if "max_connection" in options:
        for client in clients:
            client.wait_connections(options["max_connection"])
    exchange(here, there, megabytes=4)

    for client in clients:
        assert client.logins == 1
        assert client.errors() == []
        status = client.status()
        assert status["Use of Compression"].startswith("Yes" if "compress" in options else "No")
        assert ("Half" in status["Half Duplex TCP Connection Mode"]) == ("half_duplex" in options)


def test_client_comes_back_after_disconnect(server, clients):
    alice, bob = clients
    here, there = join(server, alice, bob, "/tcp")
    alice.disconnect()
    until(lambda: not alice.status(), "the end of the session")
    alice.reconnect()
    until(lambda: ping(here, there, count=3).lost == 0, "echoes to return", 5)
    assert alice.logins == 2


def test_wrong_password_and_unknown_hub_are_told_apart(server, clients):
    alice, bob = clients
    host = f"{server.namespace.ip}/tcp"
    alice.connect(host=host, tcp_port=TCP_PORT, hub="LAB", user="alice", password="no", wait=0)
    bob.connect(host=host, tcp_port=TCP_PORT, hub="NONE", user="bob", wait=0)
    assert alice.wait_error() == 9
    assert bob.wait_error() == 8


def test_longest_gap_is_that_of_the_pulled_plug(lan, server, clients):
    here, there = join(server, *clients, "/tcp")
    with Pinging(here, there) as pinging:
        until(lambda: ping(here, there, count=5).lost == 0, "five echoes")
        lan.cut("beta")
        until(lambda: ping(here, there, count=5).received == 0, "silence")
        lan.join("beta")
        until(lambda: ping(here, there, count=5).lost == 0, "five echoes", 10)
    # Nothing need be lost: what the clients' TCP connections hold back arrives late.
    assert 1.0 < pinging.result.longest_gap < 10  # the silence above lasts over a second


def test_cascade_joins_the_hubs_of_two_stock_servers(lan, server, clients):
    alice, bob = clients
    with StockServer(lan["branch"]) as branch:
        branch.create_hub("BRANCH", bob="secret")
        status = branch.cascade(
            "BRANCH",
            host=server.namespace.ip,
            tcp_port=TCP_PORT,
            to_hub="LAB",
            user="alice",
            password="not a secret",
        )
        assert status["Bridge / Router Mode"] == "Yes"
        credentials = {"user": "bob", "password": "secret"}
        bob.connect(host="10.99.0.4/tcp", tcp_port=TCP_PORT, hub="BRANCH", **credentials)
        alice.connect(host="10.99.0.3/tcp", tcp_port=TCP_PORT, hub="LAB", user="bob")
        here, there = alice.address("192.168.77.1/24"), bob.address("192.168.77.2/24")
        assert ping(here, there).lost == 0
        assert transfer(there, here, megabytes=4).size == 4_000_000


def test_iperf_measures_through_the_hub(server, clients):
    here, there = join(server, *clients, "/tcp")
    figure = iperf(here, there, seconds=1)
    print(f"\nstock client - stock server - stock client: {figure:.0f} Mbit/s")
    assert figure > 0


def test_preloaded_clients_recover_from_an_unclean_close(lan):
    """A killed server closes without TLS close_notify, after which plain ones never recover."""
    with (
        StockServer(lan["branch"]) as branch,
        StockClient(lan["alpha"], clear_errors=True) as alice,
        StockClient(lan["beta"], clear_errors=True) as bob,
    ):
        branch.create_hub("LAB", alice="not a secret", bob=None)
        branch.vpncmd("Flush")  # writes its settings down
        here, there = join(branch, alice, bob, "")
        branch.daemon.kill()
        branch.daemon.start()
        until(lambda: alice.logins == bob.logins == 2, "new sessions", 20, alice.explain)
        until(lambda: ping(here, there, count=10).lost == 0, "echoes", 10, alice.explain)


def test_namespaces_of_a_crashed_run_are_swept_away(tmp_path):
    """A child makes a Lan with a process in it and dies without a word."""
    crash = (
        "import os, pathlib, signal\n"
        "from tests.stock.namespaces import Lan\n"
        "lan = Lan('alpha').__enter__()\n"
        "sleeper = lan['alpha'].start('sleep', '600', log=pathlib.Path('log'))\n"
        "print(lan['alpha'].name, sleeper.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", crash],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    name, pid = done.stdout.split()
    assert Path("/run/netns", name).exists()
    sweep()
    assert not Path("/run/netns", name).exists()
    until(lambda: not alive(int(pid)), "the sleeper to be gone")


def join(
    server: StockServer, alice: StockClient, bob: StockClient, suffix: str, **options: object
) -> tuple[Endpoint, Endpoint]:
    """Connect both clients to hub LAB at once and give them addresses."""
    at = {"host": server.namespace.ip + suffix, "tcp_port": TCP_PORT, "hub": "LAB", "wait": 0}
    alice.connect(user="alice", password="not a secret", **at, **options)
    bob.connect(user="bob", **at, **options)
    for client in (alice, bob):
        client.wait_connected()
    return alice.address("192.168.77.1/24"), bob.address("192.168.77.2/24")
