"""One gateway in a process of its own, with hub LAB and its users, and a look inside."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from coordinator.fleet import Fleet, join
from coordinator.model import Hub, Node, User
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from coordinator.times import utc_now
from gateway.wire.auth import user_password_hash
from tests.stock.waiting import until

ROOT = Path(__file__).parents[2]
USERS = ("alice", "bob", "mallory")  # each with the password `pw-<name>`

Census = dict[str, float]


class Gateway:
    """A running gateway. `settings` is the text of its etherfleet.toml."""

    def __init__(
        self, home: Path, settings: str = "", *, store: Path | None = None, prefix: str = ""
    ) -> None:
        """`store` is the state directory of a store that is not the gateway's own.

        `prefix` is put before the command, such as `prlimit --nofile=80`.
        """
        self.home = home
        self.store = store or home / "s"
        self.log = home / "gateway.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        config = home / "etherfleet.toml"
        config.write_text(settings)
        self._command = [
            *prefix.split(),
            *(sys.executable, "-m", "tests.hostile.inside", "gateway"),
            *("--config", str(config), "--state-dir", str(home / "s"), "--node", "node-1"),
            *("--log-level", "debug", "--workers", "0"),
        ]
        self.tcp_port = 0
        self._child: subprocess.Popen[str] | None = None
        self._fleet: Fleet | None = None

    def start(self) -> "Gateway":
        """Start it, again at its former port if there was one; wait until it listens."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as errors:
            self._child = subprocess.Popen(
                [*self._command, "--listen", f"127.0.0.1:{self.tcp_port}"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={k: v for k, v in os.environ.items() if not k.startswith("ETHERFLEET_")},
                start_new_session=True,
            )

        def listens() -> bool:
            assert self._child is not None
            assert self._child.poll() is None, f"ended: {self.text()}"
            found = re.search(r'"tcp_port": (\d+)', self.text()[begin:])
            self.tcp_port = int(found[1]) if found else self.tcp_port
            return found is not None

        try:
            until(listens, "the gateway to listen", 30, self.text)
        except BaseException:
            self.kill()
            raise
        return self

    def __enter__(self) -> "Gateway":
        self.start()
        try:
            self.fleet.directory.create_hub(Hub("LAB"), utc_now())
            for name in USERS:
                self.add_user(name)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def fleet(self) -> Fleet:
        """What the gateway keeps in its embedded store."""
        if self._fleet is None:
            key = read_fleet_key((self.store / "fleet.key").read_text())
            store = connect(f"unix://{self.store / 'valkey.sock'}", "default")
            self._fleet = join(store, key, utc_now(), create=False)
        return self._fleet

    def store_pid(self) -> int:
        """Return the process id of the embedded store."""
        return int(self.fleet.store.facts()["process_id"])

    def add_user(self, name: str, **settings: object) -> None:
        secret = user_password_hash(f"pw-{name}", name)
        user = User("LAB", name, secret=secret, **settings)  # type: ignore[arg-type]  # fields of User
        self.fleet.directory.create_user(user, utc_now())

    def set_hub(self, **settings: object) -> None:
        hub = self.fleet.directory.hub("LAB")
        assert hub is not None
        self.fleet.directory.set_hub(replace(hub, **settings), utc_now())  # type: ignore[arg-type]  # fields of Hub

    def node(self) -> Node:
        """Return how the gateway described itself at its last heartbeat."""
        node = self.fleet.nodes.node("node-1")
        assert node is not None
        return node

    def counts(self) -> dict[str, int]:
        """Return what was counted by reason; at most a second old."""
        return dict(self.node().counts)

    def wait_count(self, reason: str, least: int = 1, timeout: float = 8) -> int:
        """Wait until `reason` was counted `least` times; return how often it was."""
        return until(
            lambda: (n := self.counts().get(reason, 0)) >= least and n,
            f"{least} x {reason}",
            timeout,
            self.counts,
        )

    def census(self) -> Census:
        """Look inside."""
        assert self._child is not None
        to, back = self._child.stdin, self._child.stdout
        assert to is not None
        assert back is not None
        to.write("census\n")
        to.flush()
        return json.loads(back.readline())

    def text(self) -> str:
        """Return its log so far."""
        return self.log.read_text(errors="replace")

    def assert_no_fault(self) -> None:
        """Fail if the log shows a traceback or an error event."""
        text = self.text()
        at = max(text.find("Traceback"), text.find('"level": "error"'))
        assert at < 0, text[max(0, at - 300) : at + 3000]

    def signal(self, number: signal.Signals) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    def wait(self, timeout: float = 15) -> int:
        """Wait for its end; return the exit code."""
        assert self._child is not None
        code = self._child.wait(timeout)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """Stop it in order; kill it when that takes more than 30 seconds."""
        assert self._child is not None
        if self._fleet is not None:
            self._fleet.store.close()
            self._fleet = None
        if self._child.poll() is not None:
            return self.wait()
        self.signal(signal.SIGTERM)
        try:
            return self.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
