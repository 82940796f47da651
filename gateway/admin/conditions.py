"""Conditions one may wait for: each a word, a form, and a question about the fleet as it is."""

from collections.abc import Callable
from dataclasses import dataclass

from coordinator.errors import InvalidValue
from coordinator.fleet import Fleet
from coordinator.model import HubKind
from coordinator.times import Timestamp
from gateway.admin import fleet_status, hubs, nodes


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds, and what was seen."""

    holds: bool
    seen: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a check may look with."""

    fleet: Fleet
    now: Timestamp
    clock: Callable[[], float]
    """Monotonic, seconds."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as typed, ready to be checked. `check` raises NotFound, StoreError."""

    text: str
    check: Callable[[Look], Finding]


def parse(text: str) -> Condition:
    """Return a condition. Raises InvalidValue that shows the form wanted."""
    word, _, value = text.partition("=")
    if word not in _KINDS:
        raise InvalidValue(f"no condition {text!r}; there are: {', '.join(FORMS)}")
    form, make = _KINDS[word]
    check = make(value) if bool(value) == ("=" in text) else None
    if check is None:
        raise InvalidValue(f"condition {text!r}: its form is {form}")
    return Condition(text, check)


def _ok(value: str) -> Callable[[Look], Finding] | None:
    def check(look: Look) -> Finding:
        judged = fleet_status.judge(fleet_status.read(look.fleet, look.now, look.clock))
        why = f": {judged.warnings[0]}" if judged.warnings else ""
        return Finding(judged.verdict is fleet_status.Verdict.OK, f"it is {judged.verdict}{why}")

    return None if value else check


def _nodes(value: str) -> Callable[[Look], Finding] | None:
    def check(look: Look) -> Finding:
        up = sum(report.is_up for report in nodes.reports(look.fleet))
        return Finding(up == int(value), f"{up} are up")

    return check if value.isascii() and value.isdigit() else None


def _drained(value: str) -> Callable[[Look], Finding] | None:
    def check(look: Look) -> Finding:
        found = nodes.report(look.fleet, value)
        left = f"{found.hubs} hubs and {found.sessions} sessions are left"
        return Finding(found.is_drained, f"it is {found.health}, {found.node.mode}; {left}")

    return check if value else None


def _leader(value: str) -> Callable[[Look], Finding] | None:
    def check(look: Look) -> Finding:
        leader = look.fleet.election.leader()
        if leader is None or not fleet_status.leads(leader, nodes.reports(look.fleet)):
            return Finding(False, "nobody leads")
        return Finding(value.lower() in ("", leader.node), f"{leader.node} leads")

    return check


def _owner(value: str) -> Callable[[Look], Finding] | None:
    hub, _, node = value.partition(":")

    def check(look: Look) -> Finding:
        found = hubs.report(look.fleet, hub)
        if found.hub.kind is HubKind.STATIC:
            raise InvalidValue(f"hub {found.hub.name} is static: it has no owner")
        is_active = found.state is hubs.HubState.ACTIVE
        where = f"{found.state} on {found.node}" if found.node else f"{found.state}"
        return Finding(is_active and node.lower() in ("", found.node), f"the hub is {where}")

    return check if hub else None


def _sessions(value: str) -> Callable[[Look], Finding] | None:
    hub, _, number = value.partition(":")

    def check(look: Look) -> Finding:
        count = look.fleet.sessions.count(hubs.find(look.fleet, hub).name)
        return Finding(count == int(number), f"the hub has {count}")

    return check if hub and number.isascii() and number.isdigit() else None


_KINDS: dict[str, tuple[str, Callable[[str], Callable[[Look], Finding] | None]]] = {
    "ok": ("ok", _ok),
    "nodes": ("nodes=NUMBER", _nodes),
    "leader": ("leader[=NODE]", _leader),
    "drained": ("drained=NODE", _drained),
    "owner": ("owner=HUB[:NODE]", _owner),
    "sessions": ("sessions=HUB:NUMBER", _sessions),
}
FORMS = tuple(form for form, _ in _KINDS.values())
