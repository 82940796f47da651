"""Entries of the directory: what a hub, a user and a group may hold."""

from dataclasses import replace

from coordinator.bounds import check_number, check_text
from coordinator.groups import Group
from coordinator.model import Hub, User
from coordinator.names import (
    check_group_name,
    check_hub_name,
    check_option_name,
    check_policy_name,
    check_user_name,
)
from coordinator.times import read_timestamp
from coordinator.trust import check_user_proof

MAX_TEXT = 1024  # bytes of a name for people, a note
MAX_MESSAGE = 8192  # bytes


def check_hub(hub: Hub) -> Hub:
    """Return `hub`; raises InvalidValue."""
    check_hub_name(hub.name)
    check_text(f"message of hub {hub.name!r}", hub.message, MAX_MESSAGE)
    check_number("max_sessions", hub.max_sessions)
    check_number("max_macs", hub.max_macs)
    for name, value in hub.options.items():
        check_number(f"option {check_option_name(name)}", value)
    return hub


def check_user(user: User) -> User:
    """Return `user` as he is stored, his times in the stored form; raises InvalidValue."""
    check_user_name(user.name)
    _check_words(user)
    expires = read_timestamp(user.expires) if user.expires else None
    return replace(check_user_proof(user), expires=expires)


def check_group(group: Group) -> Group:
    """Return `group`; raises InvalidValue."""
    check_group_name(group.name)
    _check_words(group)
    return group


def _check_words(record: User | Group) -> None:
    check_text("real_name", record.real_name, MAX_TEXT)
    check_text("note", record.note, MAX_TEXT)
    for name, value in record.policy.items():
        check_number(f"policy {check_policy_name(name)}", value)
