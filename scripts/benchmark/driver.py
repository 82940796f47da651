"""Load processes, seen from the bench: start them together, measure a while, hear their results."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.benchmark.counters import Counters, Counts
from scripts.benchmark.meter import cpu_s
from scripts.benchmark.servers import Server

ROOT = Path(__file__).resolve().parents[2]
WARM_UP_S = 0.2
SETTLE_S = 0.1  # until what was on its way has arrived: the other server is measured next

Job = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Slice:
    """What passed between two looks, `seconds` apart; counts and results are per load process."""

    seconds: float
    cpu_s: float
    store_cpu_s: float
    load_cpu_s: float
    counts: list[Counts]
    results: list[list[dict[str, Any]]]


class Program:
    """A child of ours in a namespace that hears lines and answers with lines."""

    def __init__(self, server: Server, module: str, job: dict[str, Any]) -> None:
        self._child = subprocess.Popen(
            server.namespace.inside(sys.executable, "-m", f"scripts.benchmark.{module}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.pid = self._child.pid
        self.tell(json.dumps({"tcp_port": server.tcp_port, **job}))

    def tell(self, line: str) -> None:
        assert self._child.stdin
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def hear(self) -> str:
        """Wait for a line. Raises RuntimeError when there is none: it failed and said why."""
        assert self._child.stdout
        line = self._child.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"a load process ended with {self._child.wait()}")
        return line

    def end(self, timeout_s: float = 20.0) -> None:
        """Tell it to stop, kill it when it does not."""
        if self._child.poll() is None:
            self.tell("stop")
            try:
                self._child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()


class Load:
    """Load processes that are logged in at one server and run in slices of time."""

    def __init__(self, server: Server, jobs: Sequence[Job]) -> None:
        self.server = server
        self._directory = TemporaryDirectory(prefix="etherfleet-bench-")
        paths = [Path(self._directory.name, str(number)) for number in range(len(jobs))]
        self._counters = [Counters(path) for path in paths]
        self._programs = [
            Program(server, "load", {"flows": list(flows), "counters": str(path)})
            for flows, path in zip(jobs, paths, strict=True)
        ]

    def __enter__(self) -> "Load":
        for program in self._programs:
            program.hear()
        return self

    def __exit__(self, *exc: object) -> None:
        for program in self._programs:
            program.end()
        self._directory.cleanup()

    def run(self, seconds: float) -> Slice:
        """Let the flows run, measure `seconds` of it, let them come to rest."""
        self._tell("go")
        time.sleep(WARM_UP_S)
        before, began, first = self.server.cost(), time.monotonic(), self._counts()
        load_before = self._cpu_s()
        time.sleep(seconds)
        after, ended, last = self.server.cost(), time.monotonic(), self._counts()
        load_after = self._cpu_s()
        self._tell("pause")
        results = [json.loads(program.hear()) for program in self._programs]
        time.sleep(SETTLE_S)
        return Slice(
            seconds=ended - began,
            cpu_s=after.cpu_s - before.cpu_s,
            store_cpu_s=after.store_cpu_s - before.store_cpu_s,
            load_cpu_s=load_after - load_before,
            counts=[late - early for early, late in zip(first, last, strict=True)],
            results=results,
        )

    def _tell(self, line: str) -> None:
        for program in self._programs:
            program.tell(line)

    def _counts(self) -> list[Counts]:
        return [counters.read() for counters in self._counters]

    def _cpu_s(self) -> float:
        return sum(cpu_s(program.pid) for program in self._programs)
