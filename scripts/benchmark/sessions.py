"""Scenarios of sessions rather than frames: logins, memory while idle, processor while idle."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from scripts.benchmark.driver import Program
from scripts.benchmark.figures import Figure, Row
from scripts.benchmark.scenarios import HUB, Sample
from scripts.benchmark.servers import Server

# Sessions end 20 s after their clients have gone, on both servers, and cost until then: what one is
# left with must load neither the other's turn nor the account of another scenario.
REST_S = 25.0

SETTLE_S = 5.0  # a gateway that serves starts a worker to have in reserve

LOGINS = (
    Figure("logins_s", "logins/s", 0, 3, 5, at_least=True),
    Figure("cpu_ms", "processor ms per login and logout", 2),
    Figure("p50_ms", "one login takes, p50 ms", 1),
)
MEMORY = Figure("kib", "KiB per session", 1, 0.25, 0.15)
IDLE = Figure("percent", "percent of a processor", 2, 0.2, 0.05)


@contextmanager
def load_process(server: Server, module: str) -> Iterator[Program]:
    """Start a load process that has ended afterwards."""
    program = Program(server, module, {"hub": HUB})
    try:
        program.hear()
        yield program
    finally:
        program.end(60)


def logins(servers: Sequence[Server], rounds: int, seconds: float) -> list[Row]:
    """Log in and out as fast as it goes, the servers in turns, each when both are at rest."""
    rows = [Row("logins", "logins with password, 32 at once", figure) for figure in LOGINS]
    with ExitStack() as stack:
        visitors = [stack.enter_context(load_process(server, "visitors")) for server in servers]
        time.sleep(REST_S)
        for _ in range(rounds):
            for server, program in zip(servers, visitors, strict=True):
                _note(rows, server, _churn(server, program, seconds))
    return rows


def _churn(server: Server, visitors: Program, seconds: float) -> Sample:
    before = server.cost().cpu_s
    visitors.tell(f"churn {seconds}")
    result = json.loads(visitors.hear())
    time.sleep(REST_S)
    return {
        "logins_s": result["logins"] / result["seconds"],
        "cpu_ms": (server.cost().cpu_s - before) / result["logins"] * 1000,
        "p50_ms": result["p50_s"] * 1000,
    }


def idle(
    servers: Sequence[Server], counts: Sequence[int], idle_at: int, rounds: int, seconds: float
) -> list[Row]:
    """Let sessions stand and say nothing but keep-alives; on servers just started."""
    memory = {
        count: Row(f"memory-{count}", f"{count:,} idle sessions, memory", MEMORY)
        for count in counts
    }
    processor = Row(f"idle-{idle_at}", f"{idle_at:,} idle sessions, processor", IDLE)
    with ExitStack() as stack:
        crowds = [stack.enter_context(load_process(server, "crowd")) for server in servers]
        time.sleep(SETTLE_S)
        empty = [server.cost(memory=True).memory for server in servers]
        for count, row in memory.items():
            for server, crowd, before in zip(servers, crowds, empty, strict=True):
                crowd.tell(f"grow {count}")
                if int(crowd.hear()) < count:
                    continue  # it takes no more: no figure for this many
                time.sleep(2.0)
                held = server.cost(memory=True).memory - before
                _note([row], server, {"kib": held / count / 1024})
            if count == idle_at:
                time.sleep(SETTLE_S)
                for _ in range(rounds):
                    _stand(servers, processor, seconds)
    return [*memory.values(), processor]


def _stand(servers: Sequence[Server], row: Row, seconds: float) -> None:
    """Note what all of them cost meanwhile: turns would need sessions that pause."""
    before, began = [server.cost().cpu_s for server in servers], time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began
    for server, spent in zip(servers, before, strict=True):
        _note([row], server, {"percent": 100 * (server.cost().cpu_s - spent) / took_s})


def _note(rows: Sequence[Row], server: Server, sample: Sample) -> None:
    for row in rows:
        seen = row.ours if server.name == "etherfleet" else row.reference
        seen.append(sample[row.figure.key])
