"""Keys: each is of exactly one kind, and different names have different keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.errors import InvalidValue
from coordinator.keys import KEYS, Keys
from coordinator.names import check_user_name, fold

K = Keys("f")
HUB_NAMES = st.from_regex(r"[A-Za-z0-9()\-_#%&.]{1,20}", fullmatch=True)


def is_user_name(name: str) -> bool:
    try:
        return bool(check_user_name(name))
    except InvalidValue:
        return False


USER_NAMES = st.text(max_size=20).filter(is_user_name) | st.just("a:b")
MAKERS = {
    "meta": lambda hub, user: K.meta(),
    "settings": lambda hub, user: K.settings(),
    "tls": lambda hub, user: K.tls(),
    "directory-version": lambda hub, user: K.directory_version(),
    "hubs": lambda hub, user: K.hubs(),
    "hub:<hub>": lambda hub, user: K.hub(hub),
    "bridges": lambda hub, user: K.bridges(),
    "administration": lambda hub, user: K.administration(),
    "hub-administration:<hub>": lambda hub, user: K.hub_administration(hub),
    "administrators": lambda hub, user: K.administrators(),
    "administrator:<administrator>": lambda hub, user: K.administrator("alice"),
    "admin-tokens": lambda hub, user: K.admin_tokens(),
    "attempts": lambda hub, user: K.attempts(),
    "users:<hub>": lambda hub, user: K.users(hub),
    "user:<hub>:<user>": K.user,
    "groups:<hub>": lambda hub, user: K.groups(hub),
    "group:<hub>:<group>": K.group,
    "access:<hub>": lambda hub, user: K.access(hub),
    "sources:<hub>": lambda hub, user: K.sources(hub),
    "authorities:<hub>": lambda hub, user: K.authorities(hub),
    "revocations:<hub>": lambda hub, user: K.revocations(hub),
    "cascades:<hub>": lambda hub, user: K.cascades(hub),
    "cascade:<hub>:<cascade>": K.cascade,
    "cascade-status:<hub>:<cascade>": K.cascade_status,
    "cascading": lambda hub, user: K.cascading(),
    "session-number:<hub>": lambda hub, user: K.session_number(hub),
    "sessions:<hub>": lambda hub, user: K.sessions(hub),
    "session:<hub>:<session>": lambda hub, user: K.session(hub, f"SID-{user}-1"),
    "session-keys": lambda hub, user: K.session_keys(),
    "user-sessions:<hub>:<user>": K.user_sessions,
    "left": lambda hub, user: K.left(),
    "left-since": lambda hub, user: K.left_since(),
    "node-sessions:<node>": lambda hub, user: K.node_sessions("node-1"),
    "nodes": lambda hub, user: K.nodes(),
    "node:<node>": lambda hub, user: K.node("node-1"),
    "orders:<node>": lambda hub, user: K.orders("node-1"),
    "leases": lambda hub, user: K.leases(),
    "load": lambda hub, user: K.load(),
    "unreconciled": lambda hub, user: K.unreconciled(),
    "owner:<hub>": lambda hub, user: K.owner(hub),
    "node-hubs:<node>": lambda hub, user: K.node_hubs("node-1"),
    "node-assigned:<node>": lambda hub, user: K.node_assigned("node-1"),
    "ticket:<ticket>": lambda hub, user: K.ticket("ab12"),
    "tickets": lambda hub, user: K.tickets(),
    "hub-tickets:<hub>": lambda hub, user: K.hub_tickets(hub),
    "user-tickets:<hub>:<user>": K.user_tickets,
    "node-tickets:<node>": lambda hub, user: K.node_tickets("node-1"),
    "leader": lambda hub, user: K.leader(),
    "log": lambda hub, user: K.log(),
    "syslog": lambda hub, user: K.syslog(),
    "audit": lambda hub, user: K.audit(),
    "traffic:hub:<hub>": lambda hub, user: K.hub_traffic(hub),
    "traffic:user:<hub>:<user>": K.user_traffic,
}


def test_every_kind_has_a_function() -> None:
    assert [key.pattern for key in KEYS] == list(MAKERS)


@given(HUB_NAMES, USER_NAMES)
def test_a_key_is_of_one_kind(hub: str, user: str) -> None:
    for pattern, make in MAKERS.items():
        name = make(hub, user).removeprefix("ef:{f}:")
        assert [key.pattern for key in KEYS if key.matches(name)] == [pattern]
        assert K.describe(f"ef:{{f}}:{name}").pattern == pattern


@given(HUB_NAMES, USER_NAMES, HUB_NAMES, USER_NAMES)
def test_keys_are_equal_only_for_the_same_user(hub, user, other_hub, other_user) -> None:
    same = (fold(hub), fold(user)) == (fold(other_hub), fold(other_user))
    assert (K.user(hub, user) == K.user(other_hub, other_user)) == same
    assert (K.cascade(hub, user) == K.cascade(other_hub, other_user)) == same
    assert (K.user_traffic(hub, user) == K.user_traffic(other_hub, other_user)) == same


def test_names_are_folded() -> None:
    assert K.user("CORP", "Alice@X") == "ef:{f}:user:corp:alice@x"
    assert K.session("Corp", "sid-alice-1") == "ef:{f}:session:corp:SID-ALICE-1"


def test_no_hub_name_reaches_into_another_key() -> None:
    with pytest.raises(InvalidValue, match="hub name 'a:b'"):
        K.user("a:b", "c")
    with pytest.raises(InvalidValue, match="fleet name 'f}:x'"):
        Keys("f}:x")


def test_keys_of_others_are_not_described() -> None:
    assert K.describe("ef:{g}:meta") is None
    assert K.describe("ef:{f}:else") is None
