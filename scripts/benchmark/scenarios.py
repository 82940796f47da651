"""The scenarios: what each does, as data, and which figures it yields.

Flows run in slices of time, the two servers in turns, with the sessions of both standing all the
while; what is compared is always one slice with its neighbour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.benchmark.driver import Job, Slice
from scripts.benchmark.figures import Figure, percentile

KIB = 1024
MIB = 1024 * KIB
HUB = "H1"
HUBS = [f"H{number}" for number in range(1, 101)]

Sample = dict[str, float]


def goodput(piece: Slice) -> Sample:
    """Count all that all flows carried."""
    octets = sum(counts.octets for counts in piece.counts) or 1
    frames = sum(counts.received for counts in piece.counts) or 1
    lost = sum(counts.lost for counts in piece.counts)
    return {
        "gbit_s": octets * 8 / piece.seconds / 1e9,
        "kframes_s": frames / piece.seconds / 1e3,
        "cpu_s_gb": piece.cpu_s / octets * 1e9,
        "cpu_s_mframes": piece.cpu_s / frames * 1e6,
        "load_cpu_s_gb": piece.load_cpu_s / octets * 1e9,
        "lost_percent": 100 * lost / (frames + lost),
    }


def first_flow(piece: Slice) -> Sample:
    """Count what the first load process carried, beside all the others."""
    counts = piece.counts[0]
    return {"gbit_s": counts.octets * 8 / piece.seconds / 1e9}


def latency(piece: Slice) -> Sample:
    """Return percentiles of the round trips in milliseconds; the rest of the load is a flow."""
    times = [1000 * seconds for seconds in piece.results[0][0]["times"]]
    octets = sum(counts.octets for counts in piece.counts[1:])
    return {
        "p50_ms": percentile(times, 50),
        "p99_ms": percentile(times, 99),
        "p999_ms": percentile(times, 99.9),
        "beside_gbit_s": octets * 8 / piece.seconds / 1e9,
    }


@dataclass(frozen=True, slots=True)
class FlowScenario:
    """Load processes side by side, one per job; `hubs` must exist."""

    name: str
    title: str
    jobs: Sequence[Job]
    sample: Callable[[Slice], Sample]
    figures: tuple[Figure, ...]
    is_quick: bool = False
    hubs: Sequence[str] = (HUB,)
    turns: int = 1
    """Times as many slices: what spreads widely needs more."""


def pair(first: int, window: int, *, hub: str = HUB, batch: int = 16, size: int = 1514) -> Any:
    """Return a closed-loop flow from station `first` to the next one."""
    return {
        "kind": "closed",
        "hub": hub,
        "first": first,
        "size": size,
        "batch": batch,
        "window": window,
    }


def _figures(
    cpu: tuple[float, float] | None = None, rate: tuple[float, float] | None = None
) -> tuple[Figure, ...]:
    most, aim_most = cpu or (None, None)
    least, aim_least = rate or (None, None)
    return (
        Figure("cpu_s_gb", "processor s per GB", 2, most, aim_most),
        Figure("gbit_s", "goodput Gbit/s", 2, least, aim_least, at_least=True),
    )


def _matrix() -> list[FlowScenario]:
    """Return 64 KiB, 256 KiB and 1 MiB on their way; 1, 16 and 64 frames in a message."""
    required: dict[tuple[int, int], tuple[Figure, ...]] = {
        (MIB, 16): _figures((0.70, 0.50), (1.2, 1.5)),
        (MIB, 1): _figures((0.80, 0.50)),
    }
    return [
        FlowScenario(
            f"window-{window // KIB}k-batch-{batch}",
            f"1 pair, 1514 B, batch {batch}, {window // KIB} KiB in flight",
            [[pair(1, window, batch=batch)]],
            goodput,
            required.get((window, batch), _figures()),
            is_quick=(window, batch) in required,
        )
        for window in (64 * KIB, 256 * KIB, MIB)
        for batch in (1, 16, 64)
    ]


def _small() -> list[FlowScenario]:
    figures = (
        Figure("cpu_s_mframes", "processor s per million frames", 3, 0.60, 0.35),
        Figure("kframes_s", "kframes/s", 0, 2, 4, at_least=True),
    )
    plain = tuple(Figure(f.key, f.title, f.digits, at_least=f.at_least) for f in figures)
    return [
        FlowScenario(
            f"frames-{size}",
            f"1 pair, {size} B, batch 16, 64 KiB in flight",
            [[pair(1, 64 * KIB, size=size)]],
            goodput,
            figures if size == 64 else plain,
            is_quick=size == 64,
        )
        for size in (64, 256)
    ]


def _many() -> list[FlowScenario]:
    four = [pair(1 + 2 * n, 256 * KIB) for n in range(4)]
    hundred = range(100)
    return [
        FlowScenario(
            "pairs-4",
            "4 pairs, 1514 B, batch 16, 256 KiB in flight each",
            [four],
            goodput,
            _figures((0.65, 0.45), (1.4, 2)),
            is_quick=True,
            turns=2,
        ),
        FlowScenario(
            "hub-1",
            "100 pairs on one hub, 32 KiB in flight each",
            [[pair(1 + 2 * n, 32 * KIB) for n in hundred]],
            goodput,
            _figures(),
        ),
        FlowScenario(
            "hub-100",
            "100 pairs on a hub each, 32 KiB in flight each",
            [[pair(1 + 2 * n, 32 * KIB, hub=HUBS[n]) for n in hundred]],
            goodput,
            _figures(),
            hubs=HUBS,
        ),
        FlowScenario(
            "broadcast-100",
            "1 sender to 100 receivers, broadcast, 64 KiB in flight",
            [[{**pair(1, 64 * KIB), "receivers": 100}]],
            goodput,
            _figures(),
        ),
    ]


def _flood(first: int, size: int = 1514, rate: int = 0) -> list[Job]:
    """Return an open-loop sender and its receiver, each in a process of its own."""
    sender = {"kind": "open", "hub": HUB, "first": first, "to": first + 1, "size": size}
    return [
        [{**sender, "batch": 16, "rate": rate}],
        [{"kind": "sink", "hub": HUB, "first": first + 1}],
    ]


def _unfair() -> list[FlowScenario]:
    slow = _flood(11, rate=20_000_000)
    slow[1] = [{**slow[1][0], "pause_s": 0.25}]
    beside = (Figure("gbit_s", "goodput of the pair, Gbit/s", 2, at_least=True),)
    return [
        FlowScenario(
            "flood-64",
            "1 sender of 64 B frames that waits for nothing",
            _flood(11, size=64),
            goodput,
            (
                Figure("kframes_s", "delivered kframes/s", 1, 20, at_least=True),
                Figure("cpu_s_mframes", "processor s per million delivered", 3),
            ),
            is_quick=True,
        ),
        FlowScenario(
            "greedy",
            "1 pair, 64 KiB in flight, beside a sender of 1514 B frames that waits for nothing",
            [[pair(1, 64 * KIB)], *_flood(11)],
            first_flow,
            beside,
        ),
        FlowScenario(
            "slow-receiver",
            "1 pair, 256 KiB in flight, beside 160 Mbit/s to one that reads 4 times a second",
            [[pair(1, 256 * KIB)], *slow],
            first_flow,
            beside,
        ),
    ]


def _latency() -> list[FlowScenario]:
    def trips(hub: str) -> Any:
        return [{"kind": "trips", "hub": hub, "first": 21, "size": 100}]

    def figures(most: float | None = None, aim: float | None = None) -> tuple[Figure, ...]:
        return (
            Figure("p50_ms", "round trip p50, ms", 3),
            Figure("p99_ms", "round trip p99, ms", 3, most, aim),
            Figure("p999_ms", "round trip p99.9, ms", 3),
        )

    flow = [pair(1, MIB)]
    beside = (*figures(1, 0.5), Figure("beside_gbit_s", "the flow beside it, Gbit/s", 2))
    return [
        FlowScenario("latency-idle", "1 request in flight", [trips(HUB)], latency, figures()),
        FlowScenario(
            "latency-same-hub",
            "1 request in flight, a full-rate flow on the same hub",
            [trips(HUB), flow],
            latency,
            beside,
            is_quick=True,
            turns=2,
        ),
        FlowScenario(
            "latency-other-hub",
            "1 request in flight, a full-rate flow on another hub",
            [trips(HUBS[1]), flow],
            latency,
            beside,
            hubs=HUBS[:2],
            turns=2,
        ),
    ]


FLOODED = [[pair(1 + 2 * n, 256 * KIB) for n in range(4)], *_flood(11, size=64)]
"""More than a node can do, of everything."""

FLOWS = [*_matrix(), *_small(), *_many(), *_unfair(), *_latency()]

WORKERS = FlowScenario(
    "workers-2",
    "4 pairs on a hub each, 256 KiB in flight each; two workers (as EtherFleet) against one",
    [[pair(1 + 2 * n, 256 * KIB, hub=HUBS[n]) for n in range(4)]],
    goodput,
    _figures(),
    hubs=HUBS[:4],
)
