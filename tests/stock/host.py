"""A machine of a fleet: one supervisor and its workers in a namespace, and what may befall them.

    host.start(); host.worker("host-a-1").kill(); host.freeze(); host.thaw(); host.stop()

Its settings come from a file, as an operator's would. The log is one file per start of the
supervisor; supervisor and workers write to it.
"""

import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.stock.gateway import PROGRAM, UNSET, Event
from tests.stock.namespaces import Namespace
from tests.stock.process import Process, alive
from tests.stock.waiting import until

TCP_PORT = 5555
READY_S = 40.0
END_S = 40.0


class Host:
    """`workers` nodes, `<name>-1` and so on; with one worker the node has the host's name."""

    def __init__(
        self,
        namespace: Namespace,
        *,
        settings: str,
        workers: int = 2,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`settings` is the text of its etherfleet.toml, without `[gateway]`."""
        self.namespace = namespace
        self.name = namespace.label
        self.ip = namespace.ip
        self.workers = workers
        self.directory = Path(tempfile.mkdtemp(prefix=f"{namespace.name}-"))
        self._settings = self.directory / "etherfleet.toml"
        gateway = (
            f'[gateway]\nlisten = ["0.0.0.0:{TCP_PORT}"]\nnode = "{self.name}"\n'
            f'labels = ["at-{self.name}"]\nadvertise = "{self.ip}"\n'
            f'state_dir = "{self.directory}"\n'
        )
        self._settings.write_text(f"{gateway}{settings}")
        self._env = {**UNSET, **(env or {})}
        self._logs: list[Path] = []
        self._process: Process | None = None
        self._is_frozen = False

    @property
    def nodes(self) -> list[str]:
        if self.workers == 1:
            return [self.name]
        return [f"{self.name}-{number}" for number in range(1, self.workers + 1)]

    @property
    def argv(self) -> list[str]:
        """How commands on this machine begin."""
        return [*PROGRAM, "--config", str(self._settings)]

    # -- orderly --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start it, without waiting."""
        assert self._process is None, "it runs already"
        self._logs.append(self.directory / f"gateway.{len(self._logs)}.log")
        self._process = self.namespace.start(
            *self.argv,
            *("gateway", "--workers", str(self.workers), "--log-level", "debug"),
            log=self._logs[-1],
            env=self._env,
        )

    def wait_serving(self) -> None:
        """Wait until all workers of this start serve."""
        since = len(self._logs) - 1

        def serves() -> bool:
            assert self._process is not None, "it does not run"
            assert self._process.exit_code is None, f"it ended with {self._process.exit_code}"
            served = {event["node"] for event in self.events("worker serves", since)}
            return served >= set(self.nodes)

        until(serves, f"the workers of {self.name}", READY_S, self.log)

    def start(self) -> None:
        """Start it and wait until all workers serve."""
        self.begin()
        self.wait_serving()

    def stop(self) -> int | None:
        """Ask the supervisor to end (SIGTERM) and wait; None if it did not run."""
        process, self._process = self._process, None
        return None if process is None else process.stop(END_S)

    def roll(self) -> None:
        """Replace the workers one after another (SIGHUP), without waiting."""
        assert self._process is not None, "it does not run"
        self._process.signal(signal.SIGHUP)

    def wait_rolled(self, count: int = 1) -> None:
        """Wait until workers were replaced `count` times since the first start."""
        what = f"the workers of {self.name} to be replaced"
        until(
            lambda: len(self.events("all workers restarted")) >= count, what, 2 * READY_S, self.log
        )

    # -- faults ---------------------------------------------------------------------------------

    def kill_worker(self, node: str) -> None:
        """End one worker at once."""
        os.kill(self.pid_of(node), signal.SIGKILL)

    def stop_worker(self, node: str) -> None:
        """Ask one worker to end in order; its supervisor starts another."""
        os.kill(self.pid_of(node), signal.SIGTERM)

    def freeze_worker(self, node: str) -> int:
        """Stop one worker's process; return its id."""
        pid = self.pid_of(node)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def kill(self) -> None:
        """End every process of the machine at once: none has a word to say any more."""
        self.freeze()
        for pid in self.namespace.pids():
            _signal(pid, signal.SIGKILL)
        until(
            lambda: not [pid for pid in self.namespace.pids() if alive(pid)],
            f"{self.name} to be gone",
            pause=0.005,
        )
        if self._process is not None:
            self._process.wait()
        self._process = None
        self._is_frozen = False

    def freeze(self) -> None:
        """Stop every process of the machine."""
        for pid in self.namespace.pids():
            _signal(pid, signal.SIGSTOP)
        self._is_frozen = True

    def thaw(self) -> None:
        for pid in self.namespace.pids():
            _signal(pid, signal.SIGCONT)
        self._is_frozen = False

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.exit_code is None

    @property
    def has_failed(self) -> bool:
        """It ended by itself."""
        return self._process is not None and self._process.exit_code is not None

    @property
    def is_frozen(self) -> bool:
        return self._is_frozen

    def pid_of(self, node: str) -> int:
        """Return the process that carries `node` now, by the log."""
        served = [e for e in self.events("worker serves") if e["node"] == node]
        assert served, f"{node} never served\n{self.log()[-2000:]}"
        return int(served[-1]["pid"])

    def remove(self) -> None:
        """End what runs and forget the files."""
        if self.is_frozen:
            self.kill()
        self.stop()
        for pid in self.namespace.pids():
            _signal(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- the log --------------------------------------------------------------------------------

    def log(self, since: int = 0) -> str:
        """What it wrote, since start number `since` (the first is 0)."""
        return "".join(path.read_text(errors="replace") for path in self._logs[since:])

    def events(self, name: str = "", since: int = 0) -> list[Event]:
        """Return the events of its log, or those of one name, since start number `since`."""
        found: list[Event] = []
        for line in self.log(since).splitlines():
            if line.startswith("{") and (not name or f'"{name}"' in line):
                with contextlib.suppress(json.JSONDecodeError):  # cut by a kill
                    found.append(json.loads(line))
        return [event for event in found if name in ("", event["event"])]

    def faults(self) -> list[str]:
        """Return events with a traceback and lines that are no events."""
        odd = [line for line in self.log().splitlines() if not line.startswith("{")]
        bad = [e for e in self.events() if "exception" in e or e["level"] == "critical"]
        return [f"{self.name}: {line}" for line in odd + [str(event) for event in bad]]


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # ended meanwhile
        os.kill(pid, number)
