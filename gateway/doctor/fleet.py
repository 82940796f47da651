"""Judging the fleet: its nodes beside each other, its hubs, its certificate."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coordinator.model import BridgeState
from coordinator.times import from_timestamp
from gateway.admin.fleet_status import CERTIFICATE_DAYS, Snapshot, Verdict, judge, leads
from gateway.admin.nodes import NodeReport
from gateway.doctor.findings import Finding, Level, by_limits

CLOCK_S, CLOCK_TOO_FAR_S = 3.0, 60.0  # a node's row is up to a second or two old when it is read
SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a TCP port of a node answered from here."""

    node: str
    address: str
    why_not: str = ""


def judge_fleet(seen: Snapshot, store_s: float) -> Iterator[Finding]:
    """Return what there is to say about a fleet; `store_s` is the store's clock at that moment."""
    up = [report for report in seen.nodes if report.is_up]
    yield from _nodes(seen, up)
    if up:
        yield _alike("node versions", up, lambda r: r.node.version, "upgrade the others")
        yield _alike("node settings", up, lambda r: r.node.terms, "make the settings alike")
        yield _alike(
            "node certificates",
            up,
            lambda r: r.node.certificate[:16],
            "a client that comes back insists on the one it saw: give all nodes the same files",
        )
        yield _clocks(up, store_s)
    yield _hubs(seen)
    yield from _bridges(up)
    for trouble in seen.cascades:
        yield Finding(Level.WARN, "cascades", trouble, "mend it there or: etherfleet cascade set")
    yield _certificate(seen.certificate_days)


def judge_ports(reaches: Sequence[Reach]) -> Iterator[Finding]:
    """Return what there is to say about the ports of living nodes."""
    closed = [reach for reach in reaches if reach.why_not]
    for reach in closed:
        yield Finding(
            Level.ERR,
            "node ports",
            f"{reach.node} does not answer at {reach.address}: {reach.why_not}",
            "open the port in the firewall, or correct gateway.advertise: redirects lead there",
        )
    if reaches and not closed:
        yield Finding(Level.OK, "node ports", f"{len(reaches)} answer from here")


def _nodes(seen: Snapshot, up: Sequence[NodeReport]) -> Iterator[Finding]:
    verdict = judge(seen)
    if verdict.verdict is Verdict.DOWN:
        yield Finding(Level.ERR, "nodes", "none is alive", "start one: etherfleet gateway")
        return
    gone = [r for r in seen.nodes if r.health.value in ("dead", "silent")]
    for report in gone:
        name = report.node.id
        advice = f"start it again, or forget it: etherfleet node remove {name}"
        yield Finding(Level.WARN, "nodes", f"{name} is {report.health}", advice)
    if not any(report.takes_sessions for report in up):
        advice = "let one: etherfleet node undrain NODE"
        yield Finding(Level.ERR, "nodes", "none takes new sessions", advice)
    if not gone:
        yield Finding(Level.OK, "nodes", f"{len(up)} up")
    if not leads(seen.leader, seen.nodes):
        advice = "wait a few seconds and look again"
        yield Finding(Level.WARN, "leader", "nobody leads", advice)
    if seen.unreconciled:
        what = f"{seen.unreconciled} have yet to say what they own after the store's restart"
        yield Finding(Level.WARN, "nodes", what, "wait a few seconds and look again")


def _alike(
    check: str, up: Sequence[NodeReport], value: Callable[[NodeReport], str], advice: str
) -> Finding:
    by_value: defaultdict[str, list[str]] = defaultdict(list)
    for report in up:
        by_value[value(report) or "unknown"].append(report.node.id)
    if len(by_value) == 1:
        return Finding(Level.OK, check, f"alike on all: {next(iter(by_value))}")
    groups = sorted(by_value.items(), key=lambda item: (-len(item[1]), item[0]))
    seen = "; ".join(f"{what} on {', '.join(names)}" for what, names in groups)
    return Finding(Level.WARN, check, seen, advice)


def _clocks(up: Sequence[NodeReport], store_s: float) -> Finding:
    """Judge the clocks of nodes by the store's: a row says when it was written, by its node."""
    ahead = {
        r.node.id: from_timestamp(r.node.updated).timestamp() - (store_s - r.renewed_ms / 1000)
        for r in up
        if r.node.updated
    }
    name = max(ahead, key=lambda node: abs(ahead[node]), default="")
    most = ahead.get(name, 0.0)
    level = by_limits(abs(most), CLOCK_S, CLOCK_TOO_FAR_S)
    if not level:
        return Finding(Level.OK, "node clocks", f"within {CLOCK_S:g} s of the store's")
    seen = f"{name} is {abs(most):.0f} s {'ahead of' if most > 0 else 'behind'} the store"
    return Finding(level, "node clocks", seen, "set them by NTP: accounts expire by node clocks")


def _hubs(seen: Snapshot) -> Finding:
    hubs = seen.hubs
    if hubs.waiting:
        what = f"{hubs.waiting} without a living owner while clients wait"
        advice = "a living node takes them over within seconds; if not: etherfleet node list"
        return Finding(Level.WARN, "hubs", what, advice)
    return Finding(Level.OK, "hubs", f"{hubs.all}, none waits for an owner")


def _bridges(up: Sequence[NodeReport]) -> Iterator[Finding]:
    """Judge what living nodes say of the bridges they are to have."""
    amiss = [(r.node.id, bridge) for r in up for bridge in r.node.bridges if bridge.why]
    for node, bridge in amiss:
        seen = f"hub {bridge.hub} on {node}: {bridge.why}"
        if bridge.state is BridgeState.LOOP:
            advice = "take away the second way from the LAN into the hub; it opens by itself"
        elif bridge.state.is_usable:
            advice = f"look at {bridge.device} there"
        else:
            seen = f"{seen}; it carries no sessions of it"
            advice = f"mend it, or: etherfleet bridge add {bridge.hub} INTERFACE|none --node {node}"
        yield Finding(Level.WARN, "bridges", seen, advice)
    shut_out = set.intersection(*(set(r.node.refuses) for r in up)) if up else set()
    for hub in sorted(shut_out):
        advice = "give one node the interface, or another rule; see: etherfleet bridge list"
        yield Finding(Level.ERR, "bridges", f"no node can bridge hub {hub}", advice)
    standing = sum(b.state is BridgeState.UP for r in up for b in r.node.bridges)
    if standing and not amiss:
        yield Finding(Level.OK, "bridges", f"{standing} up")


def _certificate(days: int | None) -> Finding:
    check = "certificate"
    if days is None:
        advice = "run this on a gateway, or give it the gateways' settings file"
        return Finding(Level.WARN, check, "none found to look at", advice)
    level = Level.ERR if days < SOON_DAYS else Level.WARN if days < CERTIFICATE_DAYS else Level.OK
    seen = f"ends in {days} days" if days >= 0 else f"ended {-days} days ago"
    advice = "replace it: vpncmd ServerCertSet, or the files and etherfleet gateway restart"
    return Finding(level, check, seen, advice if level else "")
