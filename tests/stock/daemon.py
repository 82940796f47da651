"""The packaged vpnclient and vpnserver, as many at once as a test likes.

Debian's build keeps its state in /var/lib/softether, /var/log/softether and /run/softether,
whatever directory it starts in. So each instance gets a mount namespace (`ip netns exec`
makes one anyway) in which directories of its own lie over /var/lib, /var/log and /run.
Nothing is written outside them; they go with the instance, those of a crashed run with its
namespaces.

`vpnclient execsvc` is a parent that waits and a child that works and writes its pid to
/run/softether/.pid_<hash>. SIGTERM to the child is an orderly end (0.4 s, the server 1.7 s),
the parent follows; SIGTERM to the parent ends the parent alone.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.stock.namespaces import Namespace
from tests.stock.preload import ssl_clear
from tests.stock.process import Process, alive
from tests.stock.waiting import until

LIBEXEC = Path("/usr/libexec/softether")

_PRIVATE = """
directory=$1; shift
mount --bind "$directory/lib" /var/lib
mount --bind "$directory/log" /var/log
mount --bind "$directory/run" /run
exec "$@"
"""


class Daemon:
    """One instance of the packaged program `name`, in `namespace`.

    `clear_errors` preloads tools/ssl_clear.c, without which the build of 2020 never
    recovers from a peer that dies without a TLS close (protocol notes, 5.6).
    """

    def __init__(
        self, namespace: Namespace, name: str, tcp_port: int, *, clear_errors: bool
    ) -> None:
        self.namespace = namespace
        self._name = name
        self._tcp_port = tcp_port  # what it listens on once it is ready
        self._clear_errors = clear_errors
        self.directory = Path(tempfile.mkdtemp(prefix=f"{namespace.name}-{name}-"))
        for part in ("lib", "log", "run"):
            (self.directory / part / "softether").mkdir(parents=True)
        self._process: Process | None = None

    @property
    def state(self) -> Path:
        """The directory of its settings file."""
        return self.directory / "lib/softether"

    def run(self, *argv: str, check: bool = True) -> str:
        """Run a command beside the daemon, seeing the same directories."""
        return self.namespace.run(
            "env", "LC_ALL=C.UTF-8", *self._private(*argv), check=check, timeout=20
        )

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = str(LIBEXEC / self._name / self._name)
        preload = [f"LD_PRELOAD={ssl_clear()}"] if self._clear_errors else []
        self._process = self.namespace.start(
            *self._private("env", "LC_ALL=C.UTF-8", *preload, program, "execsvc"),
            log=self.directory / "output",
        )
        what = f"{self._name} to listen on TCP port {self._tcp_port}"
        until(lambda: _listens(self.pid, self._tcp_port), what, 10, self.log, pause=0.02)

    @property
    def pid(self) -> int | None:
        """The process that works."""
        for file in self.directory.glob("run/softether/.pid_*"):
            with contextlib.suppress(ValueError):  # not written yet
                return int(file.read_text())
        return None

    def stop(self) -> None:
        """Ask it to end, as its service script would, and wait for that."""
        if self._process is None:
            return
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(self.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once; first the parent, which would start another child."""
        if self._process is None:
            return
        self._process.kill()
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(pid, signal.SIGKILL)
            until(lambda: not alive(pid), f"{self._name} to be gone", pause=0.01)
        for file in self.directory.glob("run/softether/.pid_*"):
            file.unlink()
        self._process = None

    def remove(self) -> None:
        """Kill it and forget its directories."""
        self.kill()
        shutil.rmtree(self.directory)

    def log(self) -> str:
        """What it wrote: on its output and into its log files, security log included."""
        files = [self.directory / "output", *sorted(self.directory.glob("log/softether/**/*.log"))]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def _private(self, *argv: str) -> list[str]:
        return ["sh", "-ec", _PRIVATE, "sh", str(self.directory), *argv]


def _listens(pid: int | None, tcp_port: int) -> bool:
    """Whether something listens on `tcp_port` in the network namespace of `pid`."""
    if pid is None or not Path(f"/proc/{pid}/net/tcp").exists():
        return False
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{tcp_port:04X}") and row[3] == "0A" for row in rows)
