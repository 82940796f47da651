"""Groups of a hub's users, as an operator sees and changes them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.groups import Group
from coordinator.names import fold
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.agreement import until_agreed
from gateway.admin.hubs import find as find_hub
from gateway.admin.policies import merge


class GroupChanges(TypedDict, total=False):
    """What of a group may be changed; what is absent stays."""

    real_name: str
    note: str
    policy: Mapping[str, int | None]
    """By wire name; None takes one back to its default. Others stay."""


@dataclass(frozen=True, slots=True)
class GroupReport:
    """A group with who is in it."""

    group: Group
    members: tuple[str, ...]


def create(
    fleet: Fleet, hub: str, name: str, now: Timestamp, **settings: Unpack[GroupChanges]
) -> Group:
    """Make a group. Raises NotFound (the hub), AlreadyExists, TooMany, InvalidValue."""
    blank = Group(find_hub(fleet, hub).name, name)
    return store_new(fleet, _changed(blank, settings), now)


def store_new(fleet: Fleet, group: Group, now: Timestamp, *, most: int = 0) -> Group:
    """Store a group that is whole already; its hub may have `most` then, 0: as many as ever.

    Raises as `create`.
    """
    made = fleet.directory.create_group(group, now, most=most)
    audit.record(fleet, "group add", hub=made.hub, about=made.name, after=made)
    return made


def find(fleet: Fleet, hub: str, name: str) -> Group:
    """Return a group by name in any case. Raises NotFound: the hub or the group."""
    group = fleet.directory.group(hub, name)
    if group is None:
        find_hub(fleet, hub)
        raise NotFound("group", name)
    return group


def report(fleet: Fleet, hub: str, name: str) -> GroupReport:
    """Return one group with its members. Raises NotFound."""
    group = find(fleet, hub, name)
    return GroupReport(group, tuple(_members(fleet, group.hub).get(fold(group.name), ())))


def reports(fleet: Fleet, hub: str) -> Sequence[GroupReport]:
    """Return every group of a hub with its members, by name. Raises NotFound."""
    name = find_hub(fleet, hub).name
    members = _members(fleet, name)
    return [
        GroupReport(group, tuple(members.get(fold(group.name), ())))
        for group in fleet.directory.groups(name)
    ]


def change(
    fleet: Fleet, hub: str, name: str, now: Timestamp, **changes: Unpack[GroupChanges]
) -> Group:
    """Change a group and return it as it is now; its members' sessions follow within seconds.

    Raises NotFound, InvalidValue, Conflict.
    """
    return replace_by(fleet, hub, name, lambda found: _changed(found, changes), now)


def replace_by(
    fleet: Fleet, hub: str, name: str, make: Callable[[Group], Group], now: Timestamp
) -> Group:
    """Change a group as `make` does; it may be asked again. Raises as `change`."""

    def attempt() -> tuple[Group, Group]:
        was = find(fleet, hub, name)
        return was, fleet.directory.set_group(make(was), now)

    was, made = until_agreed(attempt)
    audit.record(fleet, "group set", hub=made.hub, about=made.name, before=was, after=made)
    return made


def delete(fleet: Fleet, hub: str, name: str) -> int:
    """Delete a group; return how many members it had. They are in none then. Raises NotFound."""
    group = find(fleet, hub, name)
    members = fleet.directory.delete_group(group.hub, group.name)
    audit.record(fleet, "group delete", hub=group.hub, about=group.name, before=group)
    return members


def _changed(group: Group, changes: GroupChanges) -> Group:
    return replace(
        group,
        real_name=changes.get("real_name", group.real_name),
        note=changes.get("note", group.note),
        policy=merge(group.policy, changes.get("policy", {})),
    )


def _members(fleet: Fleet, hub: str) -> Mapping[str, list[str]]:
    """Return the names of users by the folded name of their group."""
    found: dict[str, list[str]] = {}
    names = fleet.store.members(fleet.store.keys.users(hub))
    for user in fleet.directory.accounts(hub, names):
        if user is not None and user.group:
            found.setdefault(fold(user.group), []).append(user.name)
    return found
