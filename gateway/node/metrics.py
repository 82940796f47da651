"""Metrics: what Prometheus is told of this node, read from what is counted anyway.

Nothing here is written on the way of a frame: a scrape walks the hubs and sessions and adds up. A
session has no line of its own and no user is named; a hub has one while there are few enough.
"""

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import gevent
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from coordinator.model import NodeMode
from coordinator.redis_store import RedisStore
from gateway import __version__
from gateway.node.counters import Counters
from gateway.node.heartbeat import Heartbeat
from gateway.node.hubs import Hubs
from gateway.node.lease import NodeLease
from gateway.node.table import SessionTable
from gateway.node.tally import HubLabels
from gateway.transport.gate import Gate

LOST, ENDED = "lost-", "ended-"
# How connections ended that never asked for a session. All other reasons answer a login.
STRANGERS = frozenset(
    {
        *("peer-gone", "too-slow", "protocol", "malformed", "over-limit", "not-a-pack"),
        *("out-of-files", "too-many-from-address", "internal"),
        *("unsupported", "unknown-session", "too-many-connections"),
    }
)
ADOPTED, REDIRECTED = "adopted", "redirected"
PAUSE_EVERY = 500  # sessions walked before other work has its turn


@dataclass(frozen=True, slots=True)
class Sources:
    """What the numbers are read from."""

    fleet: str
    node: str
    hubs: Hubs
    table: SessionTable
    counters: Counters
    lease: NodeLease
    heartbeat: Heartbeat
    gate: Gate
    owned: Callable[[], int]
    """How many dynamic hubs are owned here."""
    stores: tuple[RedisStore, ...]


class NodeMetrics(Collector):
    """Everything one node tells."""

    def __init__(self, sources: Sources, hub_labels: int) -> None:
        self._from = sources
        self._labels = HubLabels(hub_labels)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names are looked at when there are values."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return all metrics with their values now."""
        yield self._build()
        yield from self._sessions()
        yield from self._traffic()
        yield from self._outcomes()
        yield from self._lease()
        yield _by(
            "etherfleet_store_errors",
            "Calls to the store that failed, by what it was.",
            "error",
            sum((store.errors for store in self._from.stores), Counter[str]()),
        )

    def _build(self) -> Metric:
        facts = {
            "version": __version__,
            "python": platform.python_version(),
            "fleet": self._from.fleet,
            "node": self._from.node,
        }
        return InfoMetricFamily("etherfleet_build", "This program and node.", value=facts)

    def _sessions(self) -> Iterator[Metric]:
        by_hub: Counter[str] = Counter()
        connections = waiting = queued = 0
        for number, session in enumerate(self._from.table.all(), 1):
            by_hub[self._labels.label(session.record.hub)] += 1
            connections += len(session.connections)
            waiting += not session.connections
            queued += sum(connection.queued for connection in session.connections)
            if not number % PAUSE_EVERY:
                gevent.sleep(0)
        sessions = GaugeMetricFamily(
            "etherfleet_sessions", "Sessions carried here.", labels=["hub"]
        )
        for hub, count in by_hub.items():
            sessions.add_metric([hub], count)
        yield sessions
        yield _gauge(
            "etherfleet_sessions_waiting", "Of those, the ones without a connection.", waiting
        )
        yield _gauge("etherfleet_connections", "Connections of sessions.", connections)
        yield _gauge("etherfleet_queued_bytes", "Waiting for slow clients.", queued)
        yield _gauge("etherfleet_hubs_alive", "Hubs in use here.", len(self._from.hubs.alive))
        yield _gauge("etherfleet_hubs_owned", "Dynamic hubs owned here.", self._from.owned())

    def _traffic(self) -> Iterator[Metric]:
        hubs = self._from.hubs
        alive = [(live.hub.name, live.switch) for live in hubs.alive.values()]
        labels = ["hub", "direction", "cast"]
        frames = CounterMetricFamily(
            "etherfleet_frames",
            "Frames received from ports of hubs and sent to them.",
            labels=labels,
        )
        size = CounterMetricFamily("etherfleet_bytes", "The bytes of those frames.", labels=labels)
        for hub, carried in self._labels.gather(hubs.tally.sum_with(alive)):
            for direction in ("received", "sent"):
                traffic = getattr(carried, direction)
                frames.add_metric([hub, direction, "unicast"], traffic.unicast_frames)
                frames.add_metric([hub, direction, "broadcast"], traffic.broadcast_frames)
                size.add_metric([hub, direction, "unicast"], traffic.unicast_bytes)
                size.add_metric([hub, direction, "broadcast"], traffic.broadcast_bytes)
        yield from (frames, size)
        dropped = sum((switch.dropped for _, switch in alive), hubs.tally.dropped.copy())
        yield _by("etherfleet_frames_dropped", "Frames not passed on.", "reason", dropped)

    def _outcomes(self) -> Iterator[Metric]:
        totals = dict(self._from.counters.totals)
        lost = {r.removeprefix(LOST): totals.pop(r) for r in list(totals) if r.startswith(LOST)}
        ended = {r.removeprefix(ENDED): totals.pop(r) for r in list(totals) if r.startswith(ENDED)}
        adopted = totals.pop(ADOPTED, 0)
        strangers = {r: totals.pop(r) for r in list(totals) if r in STRANGERS}
        yield _by("etherfleet_logins", "Logins, by what became of them.", "result", totals)
        redirected = totals.get(REDIRECTED, 0)
        yield _counter("etherfleet_redirects", "Clients sent to another node.", redirected)
        yield _counter("etherfleet_adoptions", "Sessions taken over from another process.", adopted)
        yield _by("etherfleet_sessions_ended", "Sessions that ended.", "reason", ended)
        yield _by("etherfleet_connections_lost", "Connections of sessions lost.", "reason", lost)
        yield _by(
            "etherfleet_connections_refused",
            "Connections that ended without asking for a session.",
            "reason",
            strangers,
        )

    def _lease(self) -> Iterator[Metric]:
        beats, now = self._from.heartbeat.beats, time.monotonic()
        held = self._from.lease.held_or_none()
        remaining = max(0.0, held.deadline - now) if held is not None else 0.0
        yield _gauge(
            "etherfleet_lease_remaining_seconds",
            "How long the lease lasts if it is not renewed; 0: there is none.",
            round(remaining, 3),
        )
        yield _gauge(
            "etherfleet_gate_open",
            "1: this node may act as owner of its dynamic hubs now.",
            int(self._from.gate.look(now)),
        )
        yield _counter("etherfleet_lease_renewals", "Renewals that got through.", beats.renewed)
        yield _counter(
            "etherfleet_lease_renewals_late",
            "Of those, the ones that came after twice the usual time.",
            beats.late,
        )
        yield _counter("etherfleet_lease_renewals_failed", "Renewals that did not.", beats.failed)
        yield _gauge(
            "etherfleet_lease_renewal_seconds", "How long the last one took.", beats.took_s
        )
        yield _gauge("etherfleet_leader", "1: this node leads.", int(self._from.lease.leads))
        mode = GaugeMetricFamily(
            "etherfleet_node_mode", "What operators want of this node.", labels=["mode"]
        )
        for name in NodeMode:
            mode.add_metric([name.value], int(self._from.lease.mode is name))
        yield mode


def make_registry(metrics: NodeMetrics) -> CollectorRegistry:
    """Return a registry of its own: the node's numbers, and those of its process."""
    registry = CollectorRegistry()
    registry.register(metrics)
    ProcessCollector(registry=registry)
    return registry


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _counter(name: str, help: str, value: float) -> Metric:
    return CounterMetricFamily(name, help, value=value)


def _by(name: str, help: str, label: str, values: dict[str, int] | Counter[str]) -> Metric:
    family = CounterMetricFamily(name, help, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
