"""The two servers, started afresh and reachable on loopback in one network namespace.

Both log to files as they do by default, except that the security and packet logs of hubs are off.
The reference runs with dynamic DNS, NAT traversal, IPv6 and its
protection against many connections switched off (`tests/stock/server.py`), because they reach out
of the machine or refuse a load that comes from one address. Nothing else is changed on either.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from coordinator.fleet import Fleet
from coordinator.hub_log import HubLog
from coordinator.model import HubKind
from coordinator.times import utc_now
from gateway import __version__
from gateway.admin import hubs, users
from gateway.config import Gateway as GatewaySettings
from gateway.config import Settings
from gateway.fleet import open_fleet, store_url
from scripts.benchmark.meter import Cost, cost
from scripts.benchmark.station import PASSWORD, USER
from tests.stock.namespaces import Namespace
from tests.stock.process import Process
from tests.stock.server import TCP_PORT, StockServer

OUR_PORT = 5556


class Server(Protocol):
    """One of the two."""

    name: str
    tcp_port: int
    namespace: Namespace

    def start(self) -> None:
        """Start it, without hubs."""

    def stop(self) -> None:
        """End it; nothing stays."""

    def create_hubs(self, names: Sequence[str]) -> None:
        """Create hubs, each with the user every station logs in as."""

    def cost(self, *, memory: bool = False) -> Cost:
        """Return what it has cost so far."""

    def describe(self) -> str:
        """Return its version in words."""


class Reference:
    """The packaged SoftEther server."""

    name = "reference"
    tcp_port = TCP_PORT

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def start(self) -> None:
        self._server = StockServer(self.namespace)
        self._server.daemon.start()

    def stop(self) -> None:
        self._server.daemon.remove()

    def vpncmd(self, *commands: str) -> list[str]:
        """Carry out vpncmd commands; return what each printed."""
        return self._server.vpncmd(*commands)

    def create_hubs(self, names: Sequence[str]) -> None:
        for name in names:
            self._server.vpncmd(
                f"HubCreate {name} /PASSWORD:none",
                f"Hub {name}",
                "LogDisable security",
                "LogDisable packet",
                f"UserCreate {USER} /GROUP:none /REALNAME:none /NOTE:none",
                f'UserPasswordSet {USER} /PASSWORD:"{PASSWORD}"',
                f"UserPolicySet {USER} /NAME:NoBroadcastLimiter /VALUE:yes",
            )

    def cost(self, *, memory: bool = False) -> Cost:
        pid = self._server.daemon.pid
        assert pid is not None, "the reference has ended"
        return cost(pid, memory=memory)

    def describe(self) -> str:
        about = self._server.vpncmd("About")[0]
        found = re.search(r"Version (\S+ Build \d+)", about)
        return f"SoftEther VPN Server {found[1] if found else '(version unknown)'}"


class Ours:
    """Our gateway as an operator starts it, with its embedded store."""

    name = "etherfleet"

    def __init__(self, namespace: Namespace, *, workers: int = 1, tcp_port: int = OUR_PORT) -> None:
        self.namespace = namespace
        self.tcp_port = tcp_port
        self._workers = workers

    def start(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.namespace.name}-ours-"))
        self._settings = Settings(gateway=GatewaySettings(state_dir=str(self.directory)))
        self._process = Process(
            self.namespace.inside(
                *(sys.executable, "-m", "gateway", "gateway", "--state-dir", str(self.directory)),
                *("--listen", f"0.0.0.0:{self.tcp_port}", "--node", "bench"),
                *("--workers", str(self._workers)),
            ),
            self.directory / "gateway.log",
        )
        self._process.wait_for('"event": "listening"')

    def stop(self) -> None:
        self._process.stop(30)
        shutil.rmtree(self.directory)

    @property
    def store_url(self) -> str:
        """Return where its embedded store listens."""
        return store_url(self._settings)

    @contextmanager
    def fleet(self) -> Iterator[Fleet]:
        """Enter its fleet."""
        with open_fleet(self._settings) as fleet:
            yield fleet

    def create_hubs(self, names: Sequence[str]) -> None:
        with self.fleet() as fleet:
            for name in names:
                hubs.create(fleet, name, HubKind.DYNAMIC, utc_now(), log=HubLog(security=False))
                policy = {"NoBroadcastLimiter": 1}
                users.add(fleet, name, USER, utc_now(), password=PASSWORD, policy=policy)

    def cost(self, *, memory: bool = False) -> Cost:
        return cost(self._process.pid, memory=memory)

    def describe(self) -> str:
        return f"EtherFleet {__version__}"
