"""A fleet of several gateways, one process and one settings file each, on one embedded store.

with Machines(home, {"berlin": "", "oslo": "[gateway]\\nweight = 50\\n"}) as machines:
    machines.fleet.directory.create_hub(...)
    machines.kill("oslo")
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from coordinator.fleet import Fleet, join
from coordinator.redis_store import connect
from coordinator.seal import read_fleet_key
from coordinator.times import utc_now
from tests.integration.test_cli_fleet import ARGV, DEADLINE, environment, free_tcp_port
from tests.stock.waiting import until

START_S = 60.0


class Machines:
    """Gateways by node name, each at a port of its own on this machine."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        """`home` is a directory for everything, with a short path; `settings` are by node."""
        self._home = home
        self.ports = {node: free_tcp_port() for node in settings}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for node, text in settings.items():
            (home / f"{node}.toml").write_text(text)

    def __enter__(self) -> Self:
        try:
            first, *others = self.ports
            self.start(first)
            until((self._home / "s" / "valkey.sock").exists, "the store", START_S)
            for node in others:
                self.start(node)
            self.fleet = self._join()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        self.fleet.store.close()
        self.stop()
        if kind is None:  # else something failed already, and says why
            self.assert_no_fault()

    def start(self, node: str) -> None:
        """Start one, for the first time or again."""
        listen = ("--listen", f"127.0.0.1:{self.ports[node]}")
        with self._log(node).open("ab") as log:
            self.processes[node] = subprocess.Popen(
                [*ARGV, "gateway", "--workers", "0", "--node", node, *listen],
                stderr=log,
                env=self.environment(node),
            )

    def environment(self, node: str) -> dict[str, str]:
        """Return the environment of commands at that gateway."""
        config = {"ETHERFLEET_CONFIG": str(self._home / f"{node}.toml")}
        return {**environment(self._home / "s"), **config}

    def kill(self, node: str) -> None:
        """End one as a crash would."""
        self.processes[node].kill()
        self.processes[node].wait(DEADLINE)

    def stop(self) -> None:
        """Stop all, in order."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(DEADLINE)

    def assert_no_fault(self) -> None:
        """Fail if a log shows a traceback."""
        for node in self.ports:
            text = self._log(node).read_text()
            at = text.find("Traceback")
            assert at < 0, text[max(0, at - 300) : at + 3000]

    def _log(self, node: str) -> Path:
        return self._home / f"{node}.log"

    def _join(self) -> Fleet:
        """Return the fleet as the store has it, once all are in it."""
        store = connect(f"unix://{self._home / 's' / 'valkey.sock'}", "default")
        key = self._home / "s" / "fleet.key"
        until(lambda: store.fields(store.keys.meta()), "the fleet", START_S)
        fleet = join(store, read_fleet_key(key.read_text()), utc_now(), create=False)
        until(lambda: len(fleet.nodes.nodes()) == len(self.ports), "all gateways", START_S)
        return fleet
