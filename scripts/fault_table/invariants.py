"""What must hold in a fleet whatever befalls it, checked from outside. Pure.

    samples of every node ──► openings ──► two gates open for one hub at one instant?
    history of the store  ──► epochs   ──► any that was given twice, or fell?
                 both     ──► is every gate open under an epoch that its node was granted?

Samples are lines as `gateway/node/gate_samples.py` writes them, a file for each process. All
processes must have had one clock. An *opening* is a stretch of time in which frames of a hub could
pass at a process: from a sample that says so to the next of the same epoch, and no longer than the
deadline it names. So a frozen process counts as open until its deadline if it was ever heard of
again, and a process that was killed until its last sample only.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from coordinator.history import Event

NO_HUB = "-"  # of the line that begins each round
MINTED = frozenset({"grant", "register", "leader"})
"""Events that begin something under a fresh epoch: each is higher than all before, of any kind."""
FOLLOWING = frozenset({"active", "free", "restore"})
"""Events of a hub under an epoch that it has already."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line. Times in seconds of the monotonic clock."""

    at: float
    node: str
    hub: str
    epoch: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Opening:
    """From `since` to `until` frames of `hub` could pass at `process`."""

    hub: str
    node: str
    process: str
    epoch: int
    since: float
    until: float
    deadline: float
    "as the newest sample named it"

    def __str__(self) -> str:
        return (
            f"{self.node} (process {self.process}) under epoch {self.epoch}"
            f" from {self.since:.3f} to {self.until:.3f}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and what is wrong with it."""

    rounds: int
    openings: int
    violations: tuple[str, ...]

    def __str__(self) -> str:
        found = "\n".join(self.violations) or "no violation"
        return f"{self.rounds} rounds of samples, {self.openings} openings of gates: {found}"


def judge(files: Mapping[str, Iterable[str]], history: Sequence[Event]) -> Verdict:
    """Check everything; `files` are the lines of each process, `history` is oldest first."""
    rounds = 0
    openings: list[Opening] = []

    def counted(lines: Iterable[str]) -> Iterator[str]:
        nonlocal rounds
        for line in lines:
            rounds += f" {NO_HUB} " in line
            yield line

    for process, lines in files.items():
        openings += find_openings(process, read_samples(counted(lines)))
    violations = (
        *find_overlaps(openings),
        *find_epochs_reused(history),
        *find_not_granted(openings, history),
    )
    return Verdict(rounds, len(openings), violations)


def read_samples(lines: Iterable[str]) -> Iterator[Sample]:
    """Read lines; one that a kill has cut ends the file and is left out."""
    for line in lines:
        fields = line.split(" ")
        if not line.endswith("\n") or len(fields) != 5:
            return
        at, node, hub, epoch, deadline = fields
        yield Sample(float(at), node, hub, int(epoch), float(deadline))


def find_openings(process: str, samples: Iterable[Sample]) -> Iterator[Opening]:
    """Return the openings at one process; its samples come in the order they were written."""
    standing: dict[str, Opening] = {}
    for at, group in groupby(samples, key=attrgetter("at")):
        seen = {sample.hub: sample for sample in group if sample.hub != NO_HUB}
        for hub, opening in list(standing.items()):
            sample = seen.get(hub)
            if sample is not None and sample.epoch == opening.epoch:
                # Nothing closes a gate early but the end of the grant: it was open until now.
                opening = replace(opening, until=max(opening.until, min(at, opening.deadline)))
                if at < opening.deadline:
                    standing[hub] = replace(opening, deadline=sample.deadline)
                    continue
            del standing[hub]
            yield opening
        for hub, sample in seen.items():
            if hub not in standing and at < sample.deadline:
                standing[hub] = Opening(
                    hub, sample.node, process, sample.epoch, at, at, sample.deadline
                )
    yield from standing.values()


def find_overlaps(openings: Iterable[Opening]) -> Iterator[str]:
    """Say where two processes could forward frames of one hub at one instant."""
    by_hub: dict[str, list[Opening]] = defaultdict(list)
    for opening in openings:
        by_hub[opening.hub].append(opening)
    for hub, its in by_hub.items():
        longest: Opening | None = None  # of those seen so far, the one that lasts longest
        for opening in sorted(its, key=attrgetter("since")):
            if longest is not None and opening.since <= longest.until:
                if opening.process != longest.process:
                    yield f"two open gates for {hub}: {longest}, and {opening}"
                elif opening.epoch != longest.epoch:
                    yield f"two epochs at once for {hub}: {longest}, and {opening}"
            if longest is None or opening.until > longest.until:
                longest = opening


def find_epochs_reused(history: Sequence[Event]) -> Iterator[str]:
    """Say where an epoch was given a second time or is lower than one before."""
    highest = 0
    of_hub: dict[str, int] = defaultdict(int)
    for event in history:
        if event.what in MINTED:
            if event.epoch <= highest:
                yield f"{_told(event)}: epoch {event.epoch} after {highest}"
            highest = max(highest, event.epoch)
        if event.what in FOLLOWING and event.epoch < of_hub[event.hub]:
            yield f"{_told(event)}: epoch {event.epoch} after {of_hub[event.hub]} of the hub"
        if event.hub:
            of_hub[event.hub] = max(of_hub[event.hub], event.epoch)


def find_not_granted(openings: Iterable[Opening], history: Sequence[Event]) -> Iterator[str]:
    """Say where a gate was open under an epoch that the history gives to nobody or to another."""
    granted = {(event.hub, event.epoch): event.node for event in history if event.hub}
    for opening in openings:
        node = granted.get((opening.hub, opening.epoch))
        if node != opening.node:
            yield f"{opening.hub} open at {opening}, which is {node or 'nobody'}'s"


def _told(event: Event) -> str:
    return f"history {event.id}, {event.what} of {event.hub or event.node}"
