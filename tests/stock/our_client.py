"""Our own client, run as a user would: `etherfleet connect` with a TAP device in a namespace.

    with OurClient(lan["ours"]) as client:
        client.connect(host="10.99.0.3", tcp_port=5555, hub="LAB", user="carol", password="x",
                       address="192.168.77.3/24")
        ping(client.endpoint, alice)

What happened is read from what it says to its user.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.stock.gateway import PROGRAM, UNSET
from tests.stock.namespaces import Endpoint, Namespace
from tests.stock.process import Process
from tests.stock.waiting import until

DEVICE = "ef0"

# `ip netns exec` has given the process mounts of its own.
_PRIVATE = """
mount --bind "$1" /etc/hosts; shift
exec "$@"
"""


class OurClient:
    """One `etherfleet connect`; stopped in order when the `with` block ends."""

    def __init__(
        self, namespace: Namespace, *, names: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """`names` are host names that this client alone can resolve, with their addresses."""
        self.namespace = namespace
        self.directory = Path(tempfile.mkdtemp(prefix=f"{namespace.name}-connect-"))
        lines = [f"{ip} {name}\n" for name, ips in (names or {}).items() for ip in ips]
        (self.directory / "hosts").write_text("".join(["127.0.0.1 localhost\n", *lines]))
        self._process: Process | None = None

    def __enter__(self) -> "OurClient":
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        exit_code = self.leave()
        log = self.log()
        shutil.rmtree(self.directory)
        if kind is None:  # else the test has failed already, and says why
            assert exit_code in (None, 0), f"the client ended with {exit_code}\n{log}"
            assert "Traceback" not in log, log

    def connect(
        self,
        *,
        host: str,
        tcp_port: int,
        hub: str,
        user: str,
        password: str = "",
        identity: tuple[str, str] | None = None,
        address: str | None = None,
        max_connection: int = 1,
        compress: bool = False,
        half_duplex: bool = False,
        bridge: bool = False,
        wait: float = 30,
    ) -> None:
        """Join, and wait up to `wait` seconds for the session and the address.

        `identity` is a certificate and its key, in PEM, instead of a password. `address` is the
        device's, such as 192.168.77.3/24; None asks for one by DHCP.
        """
        texts = {"--password-file": password}
        if identity:
            texts = dict(zip(("--certificate", "--key"), identity, strict=True))
        proof: list[str] = []
        for option, text in texts.items():
            file = self.directory / option.strip("-")
            file.write_text(text)
            proof += [option, str(file)]
        flags = {"--compress": compress, "--half-duplex": half_duplex, "--bridge": bridge}
        self._process = self.namespace.start(
            *("sh", "-ec", _PRIVATE, "sh", str(self.directory / "hosts"), *PROGRAM),
            *("connect", f"{host}:{tcp_port}", hub, "--user", user, *proof),
            *("--tap", DEVICE, "--connections", str(max_connection)),
            *(("--address", address) if address else ()),
            *(flag for flag, is_on in flags.items() if is_on),
            log=self.directory / "log",
            env=UNSET,
        )
        self._process.wait_for("joined", wait)
        until(self._address, f"an address on {DEVICE}", wait, self.log)

    def leave(self) -> int | None:
        """End it as Ctrl-C would; return its exit code, None if it did not run."""
        process, self._process = self._process, None
        return None if process is None else process.stop()

    @property
    def endpoint(self) -> Endpoint:
        """Where it is on the hub."""
        address = self._address()
        assert address, f"no address on {DEVICE}\n{self.log()}"
        return self.namespace.at(address)

    @property
    def session(self) -> str:
        """The name of its session, the latest if there were several."""
        return self._sessions()[-1]

    @property
    def logins(self) -> int:
        """Sessions it was given so far; a resumed session is not a new one."""
        return len(self._sessions())

    @property
    def gaps(self) -> list[float]:
        """Seconds without a connection before each resumption, by its own account."""
        return [float(s) for s in re.findall(r"session resumed .*\(after ([\d.]+) s\)", self.log())]

    def log(self) -> str:
        """What it said so far."""
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _sessions(self) -> list[str]:
        return re.findall(r"joined \S+ at \S+ as (SID-\S+)", self.log())

    def _address(self) -> str:
        shown = self.namespace.run("ip", "-4", "-o", "address", "show", "dev", DEVICE, check=False)
        found = re.search(r"inet ([\d.]+)/", shown)
        return found[1] if found else ""
