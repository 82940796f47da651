"""The same stage with a company LAN: a static hub that every gateway bridges to it.

  store    host-a   host-b   host-c   erin frank beta    gina hugo carol         desk
           the entry the victim leads stock              ours                    of the LAN
────┴────────┴────────┴────────┴───────┴────┴─────┴───────┴────┴─────┴────         │
            eth1     eth1     eth1                                                 │
              └────────┴────────┴──────────────────────────────────────────────────┴──── the LAN

           erin ═ desk, erin ═ frank     gina ═ desk, gina ═ hugo     pings every 50 ms
           desk ═ beta                   desk ═ carol

All six are on one node of host-b when a fault strikes, and spread over what is left afterwards:
they see each other through the LAN. beta and carol never speak first, and the desk knows their MAC
addresses for good: what it sends goes where the switches of the LAN think they are, so it arrives
only once these have learned where they went.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime

from coordinator.model import AuthKind, User
from coordinator.times import utc_now
from gateway.wire.auth import user_password_hash
from scripts.fault_table.rows import ROWS, Row
from scripts.fault_table.scene import (
    CLIENTS,
    NAME,
    PASSWORD,
    SHOP,
    SUBNETS,
    Client,
    Measured,
    Pair,
    Scene,
    calm,
)
from tests.stock import client as stock_client
from tests.stock import our_client
from tests.stock.client import StockClient
from tests.stock.office import Office
from tests.stock.our_client import OurClient
from tests.stock.waiting import until

STOCK, OURS = ("erin", "frank", "beta"), ("gina", "hugo", "carol")
SILENT = {"LAN to silent stock": "beta", "LAN to silent ours": "carol"}
PAIRS = ("stock to LAN", "ours to LAN", "stock to stock", "ours to ours", *SILENT)
_STRUCK = (
    "worker-killed",
    "worker-stopped",
    "rolling",
    "host-restarted",
    "host-killed",
    "host-frozen",
    "host-cut",
    "drain",
    "leader-killed",
)
LAN_ROWS: Sequence[Row] = [row for name in _STRUCK for row in ROWS if row.name == name]


class LanScene(Scene):
    """The stage. Nothing is sheltered: who lands elsewhere is still on the LAN."""

    owned = ""

    def join_users(self) -> None:
        """Let those into the hub who are users of the other one only; quiet their kernels, which
        would speak of their own accord."""
        for name in ("beta", "carol"):
            secret = user_password_hash(PASSWORD, name)
            self.fleet.records.directory.create_user(
                User(SHOP, name, auth=AuthKind.PASSWORD, secret=secret), utc_now()
            )
        for name in (*STOCK, *OURS):
            self.fleet[name].run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")

    def shelter(self, *, but: Sequence[str] = ()) -> None:
        """Let every node take what the victim loses."""

    @contextmanager
    def company(self) -> Iterator[list[Pair]]:
        """Bring the clients together on the victim's first node."""
        assert self.office is not None
        with ExitStack() as stack:
            names = {NAME: [host.ip for host in self.fleet.hosts.values()]}
            ours = {n: stack.enter_context(OurClient(self.fleet[n], names=names)) for n in OURS}
            stock = {
                n: stack.enter_context(StockClient(self.fleet[n], clear_errors=True)) for n in STOCK
            }
            stack.callback(calm, ours)
            everybody: dict[str, Client] = {**ours, **stock}
            with self.only(self.node), ThreadPoolExecutor() as pool:
                joining = [pool.submit(self.join, c, SHOP, n) for n, c in everybody.items()]
                for future in joining:
                    future.result()
            pairs = [
                self._with_desk("stock to LAN", self.office, stock["erin"]),
                self._with_desk("ours to LAN", self.office, ours["gina"]),
                self.pair("stock to stock", SHOP, stock["erin"], stock["frank"]),
                self.pair("ours to ours", SHOP, ours["gina"], ours["hugo"]),
            ]
            for name, silent in SILENT.items():
                pair = self._with_desk(name, self.office, everybody[silent])
                pairs.append(Pair(name, SHOP, pair.clients, (pair.places[1], pair.places[0])))
                self._know_for_good(self.office, everybody[silent])
            for pair in pairs:
                until(pair.reaches, f"{pair.name} to see each other", 60, self.fleet.explain)
            yield pairs

    def note_found(self, measured: Measured) -> None:
        """Note how long after it was let in again a silent client was found."""
        events = [event for host in self.fleet.hosts.values() for event in host.events()]
        began = {
            event["user"]: datetime.fromisoformat(event["timestamp"]).timestamp()
            for event in sorted(events, key=lambda event: event["timestamp"])
            if event["event"] in ("session started", "session resumed")
        }
        now = time.clock_gettime(time.CLOCK_REALTIME)  # as logs and ping give it
        struck_at = now - (time.monotonic() - measured.struck_at)
        for name, user in SILENT.items():
            back_at = measured.back_at.get(name, 0.0)
            if began[user] > struck_at:
                measured.found[name] = round(back_at - began[user], 2)

    def _with_desk(self, name: str, office: Office, client: Client) -> Pair:
        here = client.namespace.at(_address_of(client))
        return Pair(name, SHOP, (client,), (here, office.place))

    def _know_for_good(self, office: Office, client: Client) -> None:
        device = stock_client.DEVICE if isinstance(client, StockClient) else our_client.DEVICE
        mac = client.namespace.run("cat", f"/sys/class/net/{device}/address").strip()
        neighbour = ("neigh", "replace", _address_of(client), "lladdr", mac)
        office.desk.run("ip", *neighbour, "nud", "permanent", "dev", "eth0")


def _address_of(client: Client) -> str:
    return f"{SUBNETS[SHOP]}.{CLIENTS.index(client.namespace.label) + 1}"
