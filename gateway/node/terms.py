"""Terms of sessions: what the directory says of a user, brought to the port of his session.

A policy is that of the user, else of his group, else the default. What changes about it, about a
hub's access list or its options, acts on sessions that stand with the next frame; what a client is
told at its welcome (`TimeOut`, `MaxConnection` beyond what it has) with its next login.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import structlog

from coordinator.access import AccessList, AccessRule
from coordinator.directory import Directory
from coordinator.errors import InvalidValue
from coordinator.groups import Group, policy_of
from coordinator.model import Hub, SessionRecord, User
from coordinator.names import fold
from coordinator.rules import Rules
from gateway.hub.access import Who
from gateway.hub.rules import Terms
from gateway.node.admission import read_policy_settings
from gateway.wire.policy import Policy

log = structlog.get_logger()

ANYBODY = "*"
"""A user with this name stands for all who are known elsewhere, to a RADIUS server."""
NO_ENTRY = (AccessRule(1, discard=True),)
"""In place of a list that is not or cannot be read: what it would stop is not known."""
UNREAD = -1  # no version of a list


def first_terms(record: SessionRecord) -> Terms:
    """Return the terms a session begins under, as far as its record knows them.

    It holds what the client was told. That a plain client may not route is in there whether his
    policy says so or not, so it is left out until the directory is asked.
    """
    policy = read_policy_settings(record.policy)
    if not record.bridge:
        policy = _let_route(policy)
    return terms_for(record, record.group, policy)


def terms_for(record: SessionRecord, group: str, policy: Policy) -> Terms:
    """Return the terms of a session under `policy`, as its user or group has it."""
    if not record.bridge:
        policy = _without_bridge(policy)
    who = Who(fold(record.user), fold(group))
    return Terms(who, policy, is_ipv6=record.address.startswith("["))


# As in `admission`: policies are few, sessions many.
@lru_cache(maxsize=1024)
def _let_route(policy: Policy) -> Policy:
    return replace(policy, no_routing=False)


@lru_cache(maxsize=1024)
def _without_bridge(policy: Policy) -> Policy:
    return replace(policy, no_bridge=True)


def why_over(record: SessionRecord, policy: Policy) -> str:
    """Return why a session of this kind may not go on under `policy`; nothing if it may."""
    if not policy.access:
        return "access-denied"
    if record.monitor and not policy.monitor_port:
        return "monitor-denied"
    if record.bridge and policy.no_bridge and policy.no_routing:
        return "bridge-denied"
    return ""


def read_access_list(rules: Rules, hub: Hub) -> AccessList:
    """Return a hub's access list. Raises StoreError.

    One that somebody broke by hand lets only ARP pass, and says so in the log.
    """
    if not hub.access_version:
        return AccessList(hub.name)
    try:
        return rules.access_list(hub.name)
    except InvalidValue as error:
        log.error(
            "access list cannot be read, nothing but ARP passes", hub=hub.name, why=str(error)
        )
        return AccessList(hub.name, NO_ENTRY, hub.access_version)


def unread_access_list(hub: Hub) -> AccessList:
    """Return what stands for a hub's access list until it is read."""
    if not hub.access_version:
        return AccessList(hub.name)
    return AccessList(hub.name, NO_ENTRY, UNREAD)


def read_policies(
    directory: Directory, hub: str, users: Iterable[str]
) -> Mapping[str, tuple[str, Policy]]:
    """Return group and policy of those of `users` the directory knows, by folded name.

    Whoever it does not know has those of `*`, if there is one. Raises StoreError.
    """
    names = sorted({fold(name) for name in users})
    found = directory.accounts(hub, [*names, ANYBODY])
    anybody = found.pop()
    known: dict[str, User] = {}
    for name, user in zip(names, found, strict=True):
        if (account := user or anybody) is not None:
            known[name] = account
    groups = _groups(directory, hub, list(known.values()))
    return {name: _judged(user, groups) for name, user in known.items()}


def _groups(directory: Directory, hub: str, users: Sequence[User]) -> Mapping[str, Group]:
    needed = sorted({fold(user.group) for user in users if user.group})
    found = directory.groups_named(hub, needed)
    return {name: group for name, group in zip(needed, found, strict=True) if group is not None}


def _judged(user: User, groups: Mapping[str, Group]) -> tuple[str, Policy]:
    group = groups.get(fold(user.group)) if user.group else None
    policy = read_policy_settings(policy_of(user, group))
    return group.name if group is not None else "", policy
