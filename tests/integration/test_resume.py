"""A gateway that dies or is restarted: every client takes its session up again, nobody logs in.

      alpha          beta           carol          dave           branch         gateway
      vpnclient      vpnclient      etherfleet     etherfleet     vpnserver      our gateway,
                                    connect        connect                       killed, stopped
      10.99.0.1      10.99.0.2      10.99.0.3      10.99.0.4      10.99.0.5      10.99.0.6
    ────┴──────────────┴──────────────┴──────────────┴──────────────┴──────────────┴──  bridge

    192.168.77.1 ════ .2 ════ .3 ════ .4 ════ hub LAB ════ hub BRANCH

Without tests/tools/ssl_clear.c a stock program of build 9674 never recovers from a gateway that
was killed (protocol notes, 5.6), so it is preloaded there; an orderly stop needs no such help.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial

import pytest

from tests.stock.client import StockClient
from tests.stock.gateway import TCP_PORT, Event, Gateway
from tests.stock.namespaces import Endpoint, Lan
from tests.stock.needs import missing
from tests.stock.our_client import OurClient
from tests.stock.server import StockServer
from tests.stock.traffic import Pinging, exchange, ping
from tests.stock.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PASSWORD = "not a secret"
USERS = ("alice", "bob", "carol", "dave")
BACK_S = 30  # within which frames must pass again; the figures say how soon they do
Figure = Callable[[str, object], None]


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan("alpha", "beta", "carol", "dave", "branch", "gateway") as lan:
        yield lan


@pytest.fixture
def gateway(lan: Lan, request: pytest.FixtureRequest) -> Iterator[Gateway]:
    with Gateway(lan["gateway"], settings=getattr(request, "param", "")) as gateway:
        gateway.create_hub("LAB", **dict.fromkeys((*USERS, "branch"), PASSWORD))
        yield gateway


class Company:
    """Two stock clients and two of ours on hub LAB, each with an address."""

    def __init__(self, gateway: Gateway, stock: list[StockClient], ours: list[OurClient]) -> None:
        self.gateway = gateway
        self.stock = stock
        self.ours = ours
        self.places: list[Endpoint] = []

    def join(self, **options: int | bool) -> None:
        """Let all of them join, with all the connections they are to have."""
        at = {"tcp_port": TCP_PORT, "hub": "LAB", "password": PASSWORD, **options}
        names = iter(USERS)
        for client in self.stock:
            client.connect(host=f"{self.gateway.ip}/tcp", user=next(names), wait=0, **at)
        for host, ours in enumerate(self.ours, start=3):
            address = f"192.168.77.{host}/24"
            ours.connect(host=self.gateway.ip, user=next(names), address=address, **at)
        for host, client in enumerate(self.stock, start=1):
            client.wait_connected()
            client.wait_connections(int(options.get("max_connection", 1)))
            self.places.append(client.address(f"192.168.77.{host}/24"))
        self.places += [ours.endpoint for ours in self.ours]
        self.wait_together()

    def wait_together(self) -> None:
        """Wait until the first reaches each of the others, and our two each other."""
        alice, bob, carol, dave = self.places
        for pair in ((alice, bob), (alice, carol), (carol, dave)):
            until(partial(reaches, *pair), "echoes", BACK_S, self.explain)

    def sessions(self) -> set[str]:
        """Return the names of the sessions they believe to have."""
        stock = {client.status()["Session Name"] for client in self.stock}
        return stock | {ours.session for ours in self.ours}

    @contextmanager
    def pinging(self, figure: Figure, what: str) -> Iterator[None]:
        """Ping all the while, between the stock clients and between ours; note the longest gaps."""
        alice, bob, carol, dave = self.places
        with Pinging(alice, bob) as stock, Pinging(carol, dave) as ours:
            self.wait_together()  # so that there is an echo to count the gap from
            yield
        figure(f"{what}: longest gap, stock to stock client", f"{stock.result.longest_gap:.2f} s")
        figure(f"{what}: longest gap, our client to ours", f"{ours.result.longest_gap:.2f} s")
        lost = f"{stock.result.lost} and {ours.result.lost}"
        figure(f"{what}: echoes lost, stock and ours", lost)

    def explain(self) -> str:
        return f"{self.stock[0].explain()}\n{self.ours[0].log()}\n{self.gateway.log()[-4000:]}"


@pytest.fixture
def company(lan: Lan, gateway: Gateway) -> Iterator[Callable[..., Company]]:
    """A function that brings a company together; `preload` says which stock clients need help."""
    with ExitStack() as stack:

        def gather(*, preload: tuple[bool, bool] = (True, True), **options: int | bool) -> Company:
            stock = [
                stack.enter_context(StockClient(lan[label], clear_errors=help))
                for label, help in zip(("alpha", "beta"), preload, strict=True)
            ]
            ours = [stack.enter_context(OurClient(lan[label])) for label in ("carol", "dave")]
            gathered = Company(gateway, stock, ours)
            gathered.join(**options)
            return gathered

        yield gather


@pytest.mark.parametrize(
    ("away_s", "options"),
    [
        pytest.param(0, {}, id="at-once"),
        pytest.param(3, {}, id="after-3s"),
        pytest.param(0, {"max_connection": 4, "half_duplex": True}, id="4-half-duplex"),
        pytest.param(0, {"max_connection": 2, "compress": True}, id="2-compressed"),
    ],
)
def test_killed_gateway_comes_back_and_nobody_logs_in(gateway, company, figure, away_s, options):
    four = company(**options)
    before, data = four.sessions(), kept(gateway)
    assert set(gateway.sessions("LAB")) == before
    with four.pinging(figure, f"killed, away {away_s} s"):
        gateway.kill()
        time.sleep(away_s)
        gateway.start()
        four.wait_together()
    check_all_resumed(four, before, figure)
    assert kept(gateway) == data


def test_stopped_gateway_is_restarted_and_nobody_logs_in(gateway, company, figure):
    """Twice, because a client poisoned by a bad close would show it at the next connection."""
    four = company(preload=(True, False))
    before, data = four.sessions(), kept(gateway)
    for turn in ("first", "second"):
        with four.pinging(figure, f"stopped, {turn} time"):
            assert gateway.stop() == 0
            gateway.start()
            four.wait_together()
        check_all_resumed(four, before, figure)
        assert kept(gateway) == data


@pytest.mark.parametrize("end", [Gateway.kill, Gateway.stop], ids=["killed", "stopped"])
def test_transfers_outlive_the_gateway(gateway, company, figure, end):
    """The queues are full when it ends. The orderly end goes without preload."""
    four = company(preload=(end is Gateway.kill, end is Gateway.kill))
    before = four.sessions()
    alice, bob, carol, dave = four.places
    with ThreadPoolExecutor() as pool:
        stock = pool.submit(exchange, alice, bob, megabytes=200, timeout=90)
        ours = pool.submit(exchange, carol, dave, megabytes=200, timeout=90)
        time.sleep(1)
        assert not stock.done()
        assert not ours.done()
        end(gateway)
        gateway.start()
        seconds = max(t.seconds for future in (stock, ours) for t in future.result())
    figure("4 x 200 MB with the interruption", f"{seconds:.1f} s")
    four.wait_together()
    check_all_resumed(four, before, figure)


@pytest.mark.parametrize("end", [Gateway.kill, Gateway.stop], ids=["killed", "stopped"])
def test_cascade_of_a_stock_server_outlives_the_gateway(lan, gateway, end):
    with StockServer(lan["branch"], clear_errors=end is Gateway.kill) as branch:
        branch.create_hub("BRANCH")
        cascade = branch.cascade(
            "BRANCH",
            host=gateway.ip,
            tcp_port=TCP_PORT,
            to_hub="LAB",
            user="branch",
            password=PASSWORD,
            max_connection=2,
        )
        name = cascade["Session Name"]
        end(gateway)
        gateway.start()

        def is_back() -> bool:
            # A poisoned one drops each connection at once, so it never has two.
            return bool(gateway.sessions("LAB")[name]["connections"] == 2)

        until(lambda: name in joined(gateway), "the cascade", BACK_S, gateway.log)
        until(is_back, "both connections of the cascade", BACK_S, gateway.log)
        assert branch.cascade_status("BRANCH")["Session Name"] == name
        assert gateway.events("session started", gateway.starts - 1) == []


@pytest.mark.slow
def test_after_25_seconds_everybody_gets_back_somehow(gateway, company, figure):
    """Longer than the time-out of 20 s: stock clients log in again, with new session names."""
    four = company(preload=(True, False))
    with four.pinging(figure, "killed, away 25 s"):
        gateway.kill()
        time.sleep(25)
        gateway.start()
        four.wait_together()
    for client, name in zip(four.stock, ("preloaded", "plain"), strict=True):
        figure(f"logins of the {name} stock client", client.logins)
    assert [ours.logins for ours in four.ours] == [1, 1]
    assert four.sessions() <= set(gateway.sessions("LAB"))


@pytest.mark.slow
@pytest.mark.parametrize("gateway", ["[session]\ntimeout_s = 35\n"], indirect=True)
def test_with_a_longer_time_out_half_a_minute_is_outlived(gateway, company, figure):
    """A stock client gives up `timeout_s` after it heard the last byte, or after 32 s."""
    four = company()
    before = four.sessions()
    with four.pinging(figure, "killed, away 27 s"):
        gateway.kill()
        time.sleep(27)
        gateway.start()
        four.wait_together()
    check_all_resumed(four, before, figure)


def reaches(here: Endpoint, there: Endpoint) -> bool:
    return ping(here, there, count=5).lost == 0


def check_all_resumed(four: Company, before: set[str], figure: Figure) -> None:
    """The sessions are those of `before`, for the clients, for us and in the store."""
    gateway, latest = four.gateway, four.gateway.starts - 1
    assert four.sessions() == before, four.explain()
    assert set(gateway.sessions("LAB")) == before
    assert gateway.events("session started", latest) == []
    assert {e["session"] for e in gateway.events("session resumed", latest)} == before
    for client in four.stock:
        assert (client.logins, client.errors()) == (1, [])
    assert [ours.logins for ours in four.ours] == [1, 1]
    for what, sessions in (
        ("stock clients", {client.status()["Session Name"] for client in four.stock}),
        ("our clients", {ours.session for ours in four.ours}),
    ):
        waits = [seconds_after_the_port(gateway, session) for session in sessions]
        figure(f"{what} back after the port was", " and ".join(f"{s:.2f} s" for s in waits))


def seconds_after_the_port(gateway: Gateway, session: str) -> float:
    """Return how long after the latest start listened the session had a connection."""
    (listening,) = gateway.events("listening", gateway.starts - 1)
    stamps = [datetime.fromisoformat(e["timestamp"]) for e in (listening, joined(gateway)[session])]
    return (stamps[1] - stamps[0]).total_seconds()


def joined(gateway: Gateway) -> dict[str, Event]:
    """Return the first connection of each session since the latest start, by session."""
    events = gateway.events("connection joined", gateway.starts - 1)
    return {event["session"]: event for event in reversed(events)}


def kept(gateway: Gateway) -> list[object]:
    """Return what the store must keep: hub, users and their logins, the certificate shown."""
    hub = gateway.ask("hub", "show", "LAB")
    users = gateway.ask("user", "list", "LAB")
    shown = gateway.events("gateway ready")[-1]["certificate"]
    moves = ("traffic", "epoch", "state")  # counters lag, and a hub is given anew after a crash
    return [{k: v for k, v in row.items() if k not in moves} for row in (hub, *users)] + [shown]
