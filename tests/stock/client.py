"""The stock VPN Client of the Debian package, driven as a user would: by vpncmd.

    with StockClient(lan["alpha"]) as client:
        client.connect(host="10.99.0.3/tcp", tcp_port=5555, hub="LAB", user="alice", password="x")
        alice = client.address("192.168.77.1/24")

A host written `name/tcp` is tried over TCP alone and without the server-kind probe; a plain
one is probed (`GET /`), and a failed attempt on it lasts at least 5 s (protocol notes, 1.3).

What build 9674 does that a test may trip over:

1. The state "Session Established" outlives the last TCP connection. Whether frames pass, only
   a ping tells; whether a session was resumed, `logins` and `errors` tell.
2. While its TCP connections stand still it does not read the TAP device: frames wait in the
   device's queue (500 of them) and arrive late, so a fault shows as a gap, not as a loss.
3. `disconnect` sets the TAP device down. Its address stays and works again after `reconnect`.
4. It asks for no DHCP lease and sets no address. The kernel sends IPv6 of its own (neighbour
   discovery, MLD) as soon as the device is up, so hubs see frames before the first ping.
5. Additional TCP connections come one a second, not sooner: eight take 7.5 s.
6. vpncmd wants every parameter of AccountDetailSet; one that is missing is asked for.
7. A name of a virtual adapter is a TAP device in lower case, cut at 15 characters.
"""

import re

from tests.stock.daemon import Daemon
from tests.stock.namespaces import Endpoint, Namespace
from tests.stock.vpncmd import NOT_CONNECTED, Record, VpncmdError, batch, quoted, records, yes
from tests.stock.waiting import until

CONTROL_PORT = 9931  # where the client's service listens for vpncmd
NAME = "lab"  # of the one account and the one virtual adapter of each client
DEVICE = f"vpn_{NAME}"
ESTABLISHED = "Connection Completed (Session Established)"


class StockClient:
    """One vpnclient service with one account; killed when the `with` block ends."""

    def __init__(self, namespace: Namespace, *, clear_errors: bool = False) -> None:
        self.namespace = namespace
        self.daemon = Daemon(namespace, "vpnclient", CONTROL_PORT, clear_errors=clear_errors)

    def __enter__(self) -> "StockClient":
        try:
            self.daemon.start()
        except BaseException:
            self.daemon.remove()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.daemon.remove()

    def vpncmd(self, *commands: str) -> list[str]:
        """Carry out vpncmd commands; return what each printed. Raises VpncmdError."""
        script = str(self.daemon.directory / "commands")
        return batch(self.daemon.run, ["localhost", "/CLIENT"], script, commands)

    def connect(
        self,
        *,
        host: str,
        tcp_port: int,
        hub: str,
        user: str,
        password: str | None = None,
        identity: tuple[str, str] | None = None,
        max_connection: int = 1,
        compress: bool = False,
        half_duplex: bool = False,
        bridge: bool = False,
        qos: bool = False,
        retry_interval: int = 5,
        wait: float = 30,
    ) -> Record:
        """Set the account up, connect it and wait up to `wait` seconds for the session.

        Returns the status, or {} at once if `wait` is 0. Without `password` and `identity`
        (certificate and key in PEM) it logs in as anonymous; `retry_interval` is seconds, at
        least 5.
        """
        login = f"AccountAnonymousSet {NAME}"
        if password is not None:
            login = f"AccountPasswordSet {NAME} /PASSWORD:{quoted(password)} /TYPE:standard"
        elif identity is not None:
            login = self._by_certificate(identity)
        self.vpncmd(
            f"NicCreate {NAME}",
            f"AccountCreate {NAME} /SERVER:{host}:{tcp_port} /HUB:{hub} /USERNAME:{user}"
            f" /NICNAME:{NAME}",
            login,
            f"AccountDetailSet {NAME} /MAXTCP:{max_connection} /INTERVAL:1 /TTL:0"
            f" /HALF:{yes(half_duplex)} /BRIDGE:{yes(bridge)} /MONITOR:no /NOTRACK:yes"
            f" /NOQOS:{yes(not qos)} /DISABLEUDP:yes",
            f"AccountCompress{'Enable' if compress else 'Disable'} {NAME}",
            f"AccountRetrySet {NAME} /NUM:999 /INTERVAL:{retry_interval}",
            f"AccountConnect {NAME}",
        )
        return self.wait_connected(wait) if wait else {}

    def _by_certificate(self, identity: tuple[str, str]) -> str:
        """Return the command by which it shows a certificate."""
        paths = [self.daemon.directory / name for name in ("own.pem", "own.key")]
        for path, pem in zip(paths, identity, strict=True):
            path.write_text(pem)
        return f"AccountCertSet {NAME} /LOADCERT:{paths[0]} /LOADKEY:{paths[1]}"

    def show(self, user: str, identity: tuple[str, str]) -> None:
        """Be another user, by another certificate, when it connects next."""
        self.vpncmd(
            f"AccountUsernameSet {NAME} /USERNAME:{user}",
            self._by_certificate(identity),
        )

    def reconnect(self, wait: float = 30) -> Record:
        """Connect the account again after `disconnect`."""
        self.vpncmd(f"AccountConnect {NAME}")
        return self.wait_connected(wait)

    def disconnect(self) -> None:
        self.vpncmd(f"AccountDisconnect {NAME}")

    def status(self) -> Record:
        """What AccountStatusGet tells; {} while the account is not trying to connect."""
        try:
            return records(*self.vpncmd(f"AccountStatusGet {NAME}"))[0]
        except VpncmdError as error:
            if error.code == NOT_CONNECTED:
                return {}
            raise

    @property
    def connected(self) -> bool:
        return self.status().get("Session Status") == ESTABLISHED

    @property
    def connections(self) -> int:
        """TCP connections the session has now."""
        return int(self.status()["Number of TCP Connections"].split()[0])

    def wait_connected(self, timeout: float = 30) -> Record:
        """Wait for an established session; return the status. Raises AssertionError."""
        until(lambda: self.connected, "an established session", timeout, self.explain)
        return self.status()

    def wait_connections(self, count: int, timeout: float = 30) -> None:
        """Wait until the session has `count` TCP connections: one more each second."""
        until(lambda: self.connections >= count, f"{count} TCP connections", timeout, self.explain)

    def address(self, cidr: str) -> Endpoint:
        """Give the virtual adapter the address `cidr`, such as 192.168.77.1/24."""
        self.namespace.run("ip", "address", "add", cidr, "dev", DEVICE)
        self.namespace.run("ip", "link", "set", DEVICE, "up")
        return self.namespace.at(cidr.partition("/")[0])

    def wait_error(self, timeout: float = 15) -> int:
        """Wait for a failed attempt; return the code the client was given."""
        until(self.errors, "a failed attempt", timeout, self.explain)
        return self.errors()[-1]

    def errors(self) -> list[int]:
        """Codes of the attempts and sessions that failed so far, in order, from its log."""
        return [int(code) for code in re.findall(r"\(code (\d+)\)", self.log())]

    @property
    def logins(self) -> int:
        """Sessions it was given so far; a resumed session is not a new one."""
        return self.log().count("Now connected. Session name:")

    def log(self) -> str:
        return self.daemon.log()

    def explain(self) -> str:
        return f"{self.status()}\n{self.log()[-2000:]}"
