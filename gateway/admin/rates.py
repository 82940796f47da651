"""Rates: what is carried now, from the counters that nodes write every few seconds.

A node writes the row of a session when something changed, five to six seconds after it last did,
and puts its own time beside it. So the growth of a row between two reports, over the time between
them by the node's own clock, is the rate; a longer time means that there was silence first, and
whoever has not been reported on for a while is silent now. Nodes and hubs are the sums of their
sessions; what a hub drops is the growth of its counters.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from coordinator.fleet import Fleet
from coordinator.model import SessionRecord, Traffic
from coordinator.times import from_timestamp
from gateway.admin.hubs import HubReport
from gateway.admin.hubs import reports as hub_reports
from gateway.admin.nodes import NodeReport
from gateway.admin.nodes import reports as node_reports
from gateway.admin.sessions import of_fleet, of_hub

REPORT_S = 6.0  # between two reports on a session that carries something, at most
SILENT_S = 9.0  # without a report: it carries nothing now
DROPS_S = 10.0  # over which drops are counted


@dataclass(frozen=True, slots=True)
class Rate:
    """Per second; `received` from clients, `sent` to them."""

    received_bytes: float = 0.0
    received_frames: float = 0.0
    sent_bytes: float = 0.0
    sent_frames: float = 0.0

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Rate)))

    @property
    def bytes(self) -> float:
        """Return both directions together."""
        return self.received_bytes + self.sent_bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What was read at one moment; `at_s` is monotonic."""

    at_s: float
    nodes: Sequence[NodeReport]
    hubs: Sequence[HubReport]
    sessions: Sequence[SessionRecord]


@dataclass(frozen=True, slots=True)
class Rates:
    """What is carried now: each thing with its rate; drops in frames per second."""

    nodes: Sequence[tuple[NodeReport, Rate]]
    hubs: Sequence[tuple[HubReport, Rate, float]]
    sessions: Sequence[tuple[SessionRecord, Rate]]


def look(fleet: Fleet, clock: Callable[[], float], hub: str = "") -> Look:
    """Read what rates are made of, of one hub or of all. Raises NotFound."""
    hubs = hub_reports(fleet)
    if hub:
        sessions = of_hub(fleet, hub)
        hubs = [report for report in hubs if report.hub.name.lower() == hub.lower()]
    else:
        sessions = of_fleet(fleet)
    return Look(clock(), node_reports(fleet), hubs, sessions)


@dataclass(slots=True)
class _Report:
    """The last report on a session, and the rate it showed."""

    record: SessionRecord
    heard_s: float
    rate: Rate = Rate()


@dataclass(slots=True)
class Meter:
    """Remembers what was seen and says what it means. Pure: looks come in, rates go out."""

    _reports: dict[str, _Report] = field(default_factory=dict)
    _drops: dict[str, deque[tuple[float, int]]] = field(default_factory=dict)

    def take(self, seen: Look) -> Rates:
        """Take a look in and return the rates as of now; the first one knows none yet."""
        self._reports = {r.key_hash: self._heard(r, seen.at_s) for r in seen.sessions}
        self._drops = {h.hub.name: self._dropped(h, seen.at_s) for h in seen.hubs}
        sessions = [(r, self._reports[r.key_hash].rate) for r in seen.sessions]
        by_node = _sums((r.node, rate) for r, rate in sessions)
        by_hub = _sums((r.hub, rate) for r, rate in sessions)
        return Rates(
            nodes=[(n, by_node.get(n.node.id, Rate())) for n in seen.nodes],
            hubs=[(h, by_hub.get(h.hub.name, Rate()), self._drop_rate(h)) for h in seen.hubs],
            sessions=sessions,
        )

    def _heard(self, record: SessionRecord, now_s: float) -> _Report:
        last = self._reports.get(record.key_hash)
        if last is None:
            return _Report(record, now_s)
        if record.seen == last.record.seen:
            rate = last.rate if now_s - last.heard_s < SILENT_S else Rate()
            return _Report(record, last.heard_s, rate)
        return _Report(record, now_s, _rate(last.record, record))

    def _dropped(self, report: HubReport, now_s: float) -> deque[tuple[float, int]]:
        seen = self._drops.get(report.hub.name, deque())
        seen.append((now_s, sum(report.totals.drops.values())))
        while now_s - seen[0][0] > DROPS_S and len(seen) > 2:
            seen.popleft()
        return seen

    def _drop_rate(self, report: HubReport) -> float:
        (then_s, before), (now_s, after) = (self._drops[report.hub.name][i] for i in (0, -1))
        return max(0, after - before) / (now_s - then_s) if now_s > then_s else 0.0


def _rate(before: SessionRecord, after: SessionRecord) -> Rate:
    apart_s = REPORT_S
    if before.seen and after.seen:
        apart = from_timestamp(after.seen) - from_timestamp(before.seen)
        apart_s = min(max(apart.total_seconds(), 1.0), REPORT_S)
    old, new = _sizes(before.traffic), _sizes(after.traffic)
    return Rate(*(max(0, b - a) / apart_s for a, b in zip(old, new, strict=True)))


def _sizes(t: Traffic) -> tuple[int, int, int, int]:
    return (
        t.received_unicast_bytes + t.received_broadcast_bytes,
        t.received_unicast_frames + t.received_broadcast_frames,
        t.sent_unicast_bytes + t.sent_broadcast_bytes,
        t.sent_unicast_frames + t.sent_broadcast_frames,
    )


def _sums(rates: Iterable[tuple[str, Rate]]) -> Mapping[str, Rate]:
    found: dict[str, Rate] = {}
    for name, rate in rates:
        found[name] = found.get(name, Rate()) + rate
    return found
