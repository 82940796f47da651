"""Refusals as stock programs see them: the code that tells their user why, and when to try again.

      alpha              beta               branch             gateway
      vpnclient          vpnclient          vpnserver          our gateway
      10.99.0.1          10.99.0.2          10.99.0.3          10.99.0.4
    ────┴──────────────────┴──────────────────┴──────────────────┴────  bridge

Build 9674 tries again after its retry interval whatever the code is, but after 10, 16, 20 and 21
it waits for a minute (protocol notes, 3.4): those are for hubs and users that are full or closed.
"""

from collections.abc import Iterator

import pytest

from tests.stock.client import NAME, StockClient
from tests.stock.gateway import TCP_PORT, Event, Gateway
from tests.stock.namespaces import Lan
from tests.stock.needs import missing
from tests.stock.server import StockServer
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "not a secret"
CANCELLED = 6  # what a client notes when its own user disconnects


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("alpha", "beta", "branch", "gateway") as lan:
        yield lan


@pytest.fixture(scope="module")
def gateway(lan: Lan) -> Iterator[Gateway]:
    with Gateway(lan["gateway"]) as gateway:
        gateway.create_hub("LAB", alice=PASSWORD, bob=PASSWORD)
        gateway.add_user("LAB", "former", PASSWORD, "--expires", "2020-02-29")
        gateway.add_user("LAB", "barred", PASSWORD, "--policy", "Access=no")
        gateway.add_user("LAB", "single", PASSWORD, "--max-sessions", "1")
        gateway.add_user("LAB", "watcher", PASSWORD, "--policy", "MonitorPort=yes")
        leaf = ("--policy", "NoBridge=yes", "--policy", "NoRouting=yes")
        gateway.add_user("LAB", "leaf", PASSWORD, *leaf)
        gateway.create_hub("CLOSED", "--offline", alice=PASSWORD)
        gateway.create_hub("SMALL", "--max-sessions", "1", alice=PASSWORD, bob=PASSWORD)
        yield gateway


@pytest.fixture
def alice(lan: Lan) -> Iterator[StockClient]:
    with StockClient(lan["alpha"]) as alice:
        yield alice


@pytest.fixture
def bob(lan: Lan) -> Iterator[StockClient]:
    with StockClient(lan["beta"]) as bob:
        yield bob


@pytest.mark.parametrize(
    ("code", "reason", "account"),
    [
        pytest.param(9, "auth-failed", {"password": "wrong"}, id="wrong-password"),
        pytest.param(9, "auth-failed", {"password": None}, id="without-a-password"),
        pytest.param(9, "auth-failed", {"user": "nobody"}, id="unknown-user"),
        pytest.param(9, "user-expired", {"user": "former"}, id="expired-user"),
        pytest.param(8, "unknown-hub", {"hub": "NONE"}, id="unknown-hub"),
        pytest.param(10, "hub-offline", {"hub": "CLOSED"}, id="hub-offline"),
        pytest.param(12, "no-access", {"user": "barred"}, id="no-access"),
        pytest.param(108, "bridge-denied", {"user": "leaf", "bridge": True}, id="bridge-denied"),
    ],
)
def test_a_stock_client_is_told_the_code(gateway, alice, code, reason, account):
    before = len(refusals(gateway))
    start(alice, gateway, **account)
    assert alice.wait_error() == code
    assert refusals(gateway)[before]["reason"] == reason
    assert refusals(gateway)[before]["address"].partition(":")[0] == alice.namespace.ip
    assert alice.logins == 0


def test_a_full_hub_is_busy_and_its_session_goes_on(gateway, alice, bob):
    start(alice, gateway, hub="SMALL")
    alice.wait_connected()
    start(bob, gateway, hub="SMALL", user="bob")
    assert bob.wait_error() == 16
    assert refusals(gateway)[-1]["reason"] == "hub-sessions"
    assert alice.connected
    assert (alice.logins, alice.errors()) == (1, [])


def test_a_user_at_the_limit_is_refused_elsewhere_and_let_in_again(gateway, alice, bob):
    """A machine that comes again replaces its own session, so its user is not over the limit."""
    start(alice, gateway, user="single")
    alice.wait_connected()
    start(bob, gateway, user="single")
    assert bob.wait_error() == 20
    assert refusals(gateway)[-1]["reason"] == "user-logins"
    alice.disconnect()
    until(lambda: not alice.status(), "the end of the session")
    alice.reconnect()
    assert (alice.logins, alice.errors()) == (2, [CANCELLED])


def test_monitoring_needs_the_right(gateway, alice, bob):
    for client, user in ((alice, "alice"), (bob, "watcher")):
        start(client, gateway, user=user)
        client.wait_connected()
        client.disconnect()
        client.vpncmd(
            f"AccountDetailSet {NAME} /MAXTCP:1 /INTERVAL:1 /TTL:0 /HALF:no /BRIDGE:no"
            " /MONITOR:yes /NOTRACK:yes /NOQOS:yes /DISABLEUDP:yes",
            f"AccountConnect {NAME}",
        )
    until(lambda: alice.errors() == [CANCELLED, 107], "a refusal", 20, alice.explain)
    assert refusals(gateway)[-1]["reason"] == "monitor-denied"
    bob.wait_connected()
    assert gateway.sessions("LAB")[bob.status()["Session Name"]]["monitor"]


def test_a_cascade_of_a_user_who_may_not_bridge(lan, gateway):
    with StockServer(lan["branch"]) as branch:
        branch.create_hub("BRANCH")
        at = {"host": gateway.ip, "tcp_port": TCP_PORT, "to_hub": "LAB"}
        branch.cascade("BRANCH", user="leaf", password=PASSWORD, wait=0, **at)
        until(lambda: "(code 108)" in branch.log(), "a refusal", 20, branch.log)
        assert refusals(gateway)[-1]["reason"] == "bridge-denied"


def test_a_client_gets_in_by_itself_once_its_password_is_right(gateway, alice):
    gateway.add_user("LAB", "late", "another secret")
    start(alice, gateway, user="late")
    assert alice.wait_error() == 9
    gateway.command("user", "passwd", "LAB", "late", "--password-file", "-", secret=PASSWORD)
    alice.wait_connected(20)


def start(client: StockClient, gateway: Gateway, **account: object) -> None:
    """Begin to join; the account is alice's of hub LAB where nothing else is said."""
    account = {"hub": "LAB", "user": "alice", "password": PASSWORD, **account}
    client.connect(host=f"{gateway.ip}/tcp", tcp_port=TCP_PORT, wait=0, **account)


def refusals(gateway: Gateway) -> list[Event]:
    return gateway.events("refused")
