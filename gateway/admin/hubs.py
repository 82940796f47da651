"""Hubs, as an operator sees and changes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.model import Hub, HubKind, Totals
from coordinator.times import Timestamp
from gateway.admin.agreement import until_agreed


class HubChanges(TypedDict, total=False):
    """What of a hub may be changed; what is absent stays. The kind is for its lifetime."""

    online: bool
    max_sessions: int
    max_macs: int
    message: str


@dataclass(frozen=True, slots=True)
class HubReport:
    """A hub with what is in it and what it has carried."""

    hub: Hub
    users: int
    sessions: int
    totals: Totals


def create(
    fleet: Fleet, name: str, kind: HubKind, now: Timestamp, **settings: Unpack[HubChanges]
) -> Hub:
    """Make a hub. Raises AlreadyExists, InvalidValue."""
    return fleet.directory.create_hub(replace(Hub(name, kind), **settings), now)


def find(fleet: Fleet, name: str) -> Hub:
    """Return a hub by name in any case. Raises NotFound."""
    hub = fleet.directory.hub(name)
    if hub is None:
        raise NotFound("hub", name)
    return hub


def report(fleet: Fleet, name: str) -> HubReport:
    """Return one hub with its numbers. Raises NotFound."""
    return _report(fleet, find(fleet, name))


def reports(fleet: Fleet) -> Sequence[HubReport]:
    """Return every hub with its numbers, by name."""
    return [_report(fleet, hub) for hub in fleet.directory.hubs()]


def change(fleet: Fleet, name: str, now: Timestamp, **changes: Unpack[HubChanges]) -> Hub:
    """Change settings of a hub and return it as it is now. Raises NotFound, InvalidValue, Conflict.

    Nodes learn of it within a second or two; a hub that goes offline ends its sessions.
    """
    return until_agreed(lambda: fleet.directory.set_hub(replace(find(fleet, name), **changes), now))


def delete(fleet: Fleet, name: str) -> int:
    """Delete a hub with its users and sessions; return how many of the latter. Raises NotFound."""
    return fleet.directory.delete_hub(find(fleet, name).name)


def _report(fleet: Fleet, hub: Hub) -> HubReport:
    return HubReport(
        hub=hub,
        users=fleet.store.size(fleet.store.keys.users(hub.name)),
        sessions=fleet.sessions.count(hub.name),
        totals=fleet.traffic.hub(hub.name),
    )
