"""Sessions, as an operator sees and ends them."""

from collections.abc import Sequence

from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.model import SessionRecord
from gateway.admin import audit
from gateway.admin.hubs import find as find_hub
from gateway.admin.users import find as find_user


def of_fleet(fleet: Fleet) -> Sequence[SessionRecord]:
    """Return all sessions, by hub and name."""
    hubs = fleet.directory.hubs()
    return [record for hub in hubs for record in fleet.sessions.of_hub(hub.name)]


def of_hub(fleet: Fleet, hub: str) -> Sequence[SessionRecord]:
    """Return the sessions of a hub by name. Raises NotFound."""
    return fleet.sessions.of_hub(find_hub(fleet, hub).name)


def of_user(fleet: Fleet, hub: str, user: str) -> Sequence[SessionRecord]:
    """Return the sessions of a user by name. Raises NotFound: the hub or the user."""
    found = find_user(fleet, hub, user)
    return fleet.sessions.of_user(found.hub, found.name)


def find(fleet: Fleet, hub: str, name: str) -> SessionRecord:
    """Return a session by name in any case. Raises NotFound: the hub or the session."""
    record = fleet.sessions.get(find_hub(fleet, hub).name, name)
    if record is None:
        raise NotFound("session", name)
    return record


def kick(fleet: Fleet, hub: str, name: str) -> SessionRecord:
    """End a session and return what it was. Raises NotFound.

    Its key is void at once and its node drops it within a second or two; a stock client then logs
    in anew after its retry interval, unless its account was changed.
    """
    record = find(fleet, hub, name)
    fleet.sessions.kick(record.hub, record.name)
    was = {"user": record.user, "address": record.address, "node": record.node}
    audit.record(fleet, "session kick", hub=record.hub, about=record.name, before=was)
    return record
