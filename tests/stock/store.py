"""A store of its own in a namespace: Valkey or Redis over TCP, stopped, killed and frozen at will.

Tests read it by a unix socket, which knows no namespaces.
"""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from gateway.embedded import find_server
from tests.stock.namespaces import Namespace
from tests.stock.process import Process
from tests.stock.waiting import until

TCP_PORT = 6379


class StoreServer:
    """One server with an append-only file; its data outlive `stop` and `kill`."""

    def __init__(self, namespace: Namespace, *, program: str | None = None) -> None:
        self.namespace = namespace
        self.url = f"redis://{namespace.ip}:{TCP_PORT}"
        self.directory = Path(tempfile.mkdtemp(prefix=f"{namespace.name}-"))
        self._socket = self.directory / "socket"
        self.local_url = f"unix://{self._socket}"
        self._program = program or find_server()
        self._process: Process | None = None

    def __enter__(self) -> "StoreServer":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        shutil.rmtree(self.directory)

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert self._process is None, "it runs already"
        self._process = self.namespace.start(
            self._program,
            *("--bind", "0.0.0.0", "--port", str(TCP_PORT), "--protected-mode", "no"),
            *("--unixsocket", str(self._socket), "--dir", str(self.directory)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
            log=self.directory / "log",
        )
        until(self._answers, "the store to answer", 20, self._process.output, pause=0.02)

    def stop(self) -> None:
        """Stop it in order, everything written."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it at once, frozen or not."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def freeze(self) -> None:
        """Let it answer nobody, its connections standing."""
        assert self._process is not None, "it does not run"
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.signal(signal.SIGCONT)

    def command(self, *argv: str) -> str:
        """Run one command of Redis, as an operator would with redis-cli; return its answer."""
        asked = subprocess.run(
            ["redis-cli", "-s", str(self._socket), *argv],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
        return asked.stdout.strip()

    def _answers(self) -> bool:
        return "PONG" in self.command("ping")
