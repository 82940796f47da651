"""How late the node's lease is renewed while the node is flooded; ours alone has one.

The store tells of every command it carries out (MONITOR); `HDEL ... suspected_ms` is one that each
renewal makes. What lies between two of them beyond the plan is how late the second came.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import redis

from scripts.benchmark.driver import Job, Load
from scripts.benchmark.figures import Figure, Row
from scripts.benchmark.servers import Ours

WORST = Figure("worst_s", "longest time between two renewals, s (planned: 0.9 to 1.1)", 3)
MARK = "suspected_ms"


def renewals(server: Ours, jobs: list[Job], seconds: float) -> list[Row]:
    """Watch the lease for `seconds` without load and under `jobs`."""
    idle = Row("renewals-idle", "the lease, no load", WORST)
    busy = Row("renewals-flooded", "the lease, 4 pairs and a flood of 64 B frames", WORST)
    with _watched(server) as times:
        time.sleep(seconds)
        idle.ours.append(_longest(times))
    with ExitStack() as stack:
        load = stack.enter_context(Load(server, jobs))
        times = stack.enter_context(_watched(server))
        load.run(seconds)
        busy.ours.append(_longest(times))
    return [idle, busy]


@contextmanager
def _watched(server: Ours) -> Iterator[list[float]]:
    """Collect the times of renewals, on the store's clock."""
    times: list[float] = []
    store = redis.Redis.from_url(server.store_url)
    with store.monitor() as monitor:

        def listen() -> None:
            try:
                for said in monitor.listen():
                    if said["command"].startswith("HDEL") and said["command"].endswith(MARK):
                        times.append(said["time"])
            except (redis.RedisError, OSError, ValueError, AttributeError):
                return  # hung up on: what redis-py makes of it depends on where it was

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        yield times
    store.close()


def _longest(times: list[float]) -> float:
    """Return the longest time between two renewals. Raises RuntimeError when there was none."""
    if len(times) < 2:
        raise RuntimeError(f"{len(times)} renewals seen: the lease is not kept")
    return max(later - earlier for earlier, later in itertools.pairwise(times))
