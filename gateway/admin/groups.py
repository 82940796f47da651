"""Groups of a hub's users, as an operator sees and changes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from coordinator.errors import NotFound
from coordinator.fleet import Fleet
from coordinator.groups import Group
from coordinator.names import fold
from coordinator.times import Timestamp
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
    return fleet.directory.create_group(_changed(blank, settings), now)


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
    return until_agreed(
        lambda: fleet.directory.set_group(_changed(find(fleet, hub, name), changes), now)
    )


def delete(fleet: Fleet, hub: str, name: str) -> int:
    """Delete a group; return how many members it had. They are in none then. Raises NotFound."""
    group = find(fleet, hub, name)
    return fleet.directory.delete_group(group.hub, group.name)


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
