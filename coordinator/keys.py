"""Every key of a fleet: its name, type, fields, writer and lifetime.

All keys begin with `ef:{<fleet>}:`. The braces are Redis Cluster's hash tag: one fleet lives on
one shard, so every atomic step may touch all of its keys, and several fleets share one Redis.
Names inside a key are folded (`names.fold`). No key has a time to live: nothing here depends on
the clock of the store.

`KEYS` is the documentation: `etherfleet redis keys` shows it and `docs/keys.md` is made from it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.model import TRAFFIC_FIELDS
from coordinator.names import (
    check_fleet_name,
    check_hub_name,
    check_node_name,
    check_user_name,
    fold,
    fold_upper,
)


@dataclass(frozen=True, slots=True)
class Key:
    """One kind of key. In `pattern` and `fields`, `<…>` stands for a name."""

    pattern: str
    type: str
    holds: str
    fields: tuple[str, ...]
    """Of a hash or of each stream entry; a `?` at the end: only while it has a value."""
    writer: str
    lifetime: str
    steps: tuple[str, ...]
    """Files of `lua/` that change it."""

    def matches(self, name: str) -> bool:
        """Say whether `name`, without the fleet's prefix, is a key of this kind."""
        return _as_regex(self.pattern).fullmatch(name) is not None

    def knows(self, field: str) -> bool:
        """Say whether `field` may occur in a key of this kind."""
        return any(_as_regex(f.removesuffix("?")).fullmatch(field) for f in self.fields)


def _as_regex(pattern: str) -> re.Pattern[str]:
    """Turn `user:<hub>:<user>` into a matcher: only the last name may contain a colon."""
    parts = re.split(r"(<[^>]+>)", pattern)
    last = max((i for i, p in enumerate(parts) if p.startswith("<")), default=-1)
    names = (".+" if i == last else "[^:]+" for i in range(len(parts)))
    joined = zip(parts, names, strict=True)
    return re.compile("".join(n if p.startswith("<") else re.escape(p) for p, n in joined))


_WITH_HUB = "until the hub is deleted"
_WITH_USER = "until the user or its hub is deleted"
_WITH_SESSION = "until the session ends"

_ENDING = "session_close session_kick user_delete hub_delete"
_TRAFFIC = " ".join(f"{name}?" for name in TRAFFIC_FIELDS)


def _key(
    pattern: str, type: str, holds: str, *, writer: str, lifetime: str, steps: str, fields: str = ""
) -> Key:
    return Key(pattern, type, holds, tuple(fields.split()), writer, lifetime, tuple(steps.split()))


KEYS: Sequence[Key] = (
    _key(
        "meta",
        "hash",
        "the fleet itself",
        fields="cluster schema created seal_check",
        writer="whoever finds it missing first",
        lifetime="for ever",
        steps="create_once",
    ),
    _key(
        "tls",
        "hash",
        "the certificate all nodes show; the private key is sealed",
        fields="certificate private_key created",
        writer="the first node that needs one and was given none",
        lifetime="for ever",
        steps="create_once",
    ),
    _key(
        "directory-version",
        "string",
        "number, raised by each change of a hub or user",
        writer="every directory change",
        lifetime="for ever",
        steps="directory_create directory_set hub_delete user_delete",
    ),
    _key(
        "hubs",
        "set",
        "names of all hubs",
        writer="hub create, delete",
        lifetime="while there are hubs",
        steps="directory_create hub_delete",
    ),
    _key(
        "hub:<hub>",
        "hash",
        "a hub's settings",
        fields="name kind online max_sessions max_macs message created changed version removing?",
        writer="hub create, set",
        lifetime=_WITH_HUB,
        steps="directory_create directory_set hub_delete",
    ),
    _key(
        "users:<hub>",
        "set",
        "names of a hub's users",
        writer="user create, delete",
        lifetime=_WITH_HUB,
        steps="directory_create user_delete hub_delete",
    ),
    _key(
        "user:<hub>:<user>",
        "hash",
        "a user's account; the secret is sealed",
        fields="""
            hub name auth secret? real_name note expires? policy:<policy>? created changed
            version
        """,
        writer="user create, set, passwd",
        lifetime=_WITH_USER,
        steps="directory_create directory_set user_delete hub_delete",
    ),
    _key(
        "session-number:<hub>",
        "string",
        "number in the name of the hub's newest session",
        writer="session open",
        lifetime=_WITH_HUB,
        steps="session_open hub_delete",
    ),
    _key(
        "sessions:<hub>",
        "set",
        "names of a hub's sessions; its size is what the hub's limit counts",
        writer="session open, end",
        lifetime="while the hub has sessions",
        steps="session_open " + _ENDING,
    ),
    _key(
        "session:<hub>:<session>",
        "hash",
        "a session: what another node needs to carry on with it",
        fields="""
            name hub user node epoch key_hash address client_name client_version client_build
            host_name unique_id? policy:<policy>? max_connection timeout_ms use_encrypt
            use_compress half_connection qos bridge monitor macs? ips? connections created
            adopted? seen
        """
        + _TRAFFIC,
        writer="the node that carries it; fenced by `epoch`",
        lifetime=_WITH_SESSION,
        steps="session_open session_adopt session_update " + _ENDING,
    ),
    _key(
        "session-keys",
        "hash",
        "SHA-256 of each session key, to `<hub>:<session>`",
        fields="<key_hash>",
        writer="session open, end",
        lifetime="each field until the session ends",
        steps="session_open " + _ENDING,
    ),
    _key(
        "user-sessions:<hub>:<user>",
        "hash",
        "a user's sessions, each with the id of its machine (or `-`)",
        fields="<session>",
        writer="session open, end",
        lifetime="while the user has sessions",
        steps="session_open " + _ENDING,
    ),
    _key(
        "node-sessions:<node>",
        "set",
        "`<hub>:<session>` of all that a node carries",
        writer="session open, adopt, end",
        lifetime="while it carries any",
        steps="session_open session_adopt " + _ENDING,
    ),
    _key(
        "nodes",
        "set",
        "names of all nodes",
        writer="heartbeat",
        lifetime="until they are removed",
        steps="heartbeat node_remove",
    ),
    _key(
        "node:<node>",
        "hash",
        "a node as it describes itself",
        fields="id pid host address version started sessions connections count:<reason>? updated",
        writer="its heartbeat",
        lifetime="until the node is removed",
        steps="heartbeat node_remove",
    ),
    _key(
        "orders:<node>",
        "stream",
        "what a node is to do, oldest first",
        fields="order hub session key_hash",
        writer="session kick, hub delete, user delete; trimmed by the node's heartbeat",
        lifetime="until the node is removed; about 10000 entries at most",
        steps="session_kick hub_delete user_delete heartbeat node_remove",
    ),
    _key(
        "traffic:hub:<hub>",
        "hash",
        "what a hub has carried and dropped",
        fields="logins? last_login? drop:<reason>? " + _TRAFFIC,
        writer="session open; its nodes, every few seconds",
        lifetime=_WITH_HUB,
        steps="session_open traffic_add hub_delete",
    ),
    _key(
        "traffic:user:<hub>:<user>",
        "hash",
        "what a user has sent and received",
        fields="logins? last_login? " + _TRAFFIC,
        writer="session open; the nodes that carry it, every few seconds",
        lifetime=_WITH_USER,
        steps="session_open traffic_add user_delete hub_delete",
    ),
)


class Keys:
    """The keys of one fleet by name. Each method returns a whole key, or raises InvalidValue.

    Names are checked here, so that no name can make one key look like another.
    """

    def __init__(self, fleet: str) -> None:
        """Raise InvalidValue if no fleet may be called `fleet`."""
        self.fleet = check_fleet_name(fleet)
        self.prefix = f"ef:{{{fleet}}}:"

    def meta(self) -> str:
        return f"{self.prefix}meta"

    def tls(self) -> str:
        return f"{self.prefix}tls"

    def directory_version(self) -> str:
        return f"{self.prefix}directory-version"

    def hubs(self) -> str:
        return f"{self.prefix}hubs"

    def hub(self, hub: str) -> str:
        return f"{self.prefix}hub:{_hub(hub)}"

    def users(self, hub: str) -> str:
        return f"{self.prefix}users:{_hub(hub)}"

    def user(self, hub: str, user: str) -> str:
        return f"{self.prefix}user:{_hub(hub)}:{_user(user)}"

    def session_number(self, hub: str) -> str:
        return f"{self.prefix}session-number:{_hub(hub)}"

    def sessions(self, hub: str) -> str:
        return f"{self.prefix}sessions:{_hub(hub)}"

    def session(self, hub: str, session: str) -> str:
        return f"{self.prefix}session:{_hub(hub)}:{fold_upper(session)}"

    def session_keys(self) -> str:
        return f"{self.prefix}session-keys"

    def user_sessions(self, hub: str, user: str) -> str:
        return f"{self.prefix}user-sessions:{_hub(hub)}:{_user(user)}"

    def node_sessions(self, node: str) -> str:
        return f"{self.prefix}node-sessions:{check_node_name(node)}"

    def nodes(self) -> str:
        return f"{self.prefix}nodes"

    def node(self, node: str) -> str:
        return f"{self.prefix}node:{check_node_name(node)}"

    def orders(self, node: str) -> str:
        return f"{self.prefix}orders:{check_node_name(node)}"

    def hub_traffic(self, hub: str) -> str:
        return f"{self.prefix}traffic:hub:{_hub(hub)}"

    def user_traffic(self, hub: str, user: str) -> str:
        return f"{self.prefix}traffic:user:{_hub(hub)}:{_user(user)}"

    def describe(self, key: str) -> Key | None:
        """Return the kind of a whole `key`; None if it is none of this fleet's."""
        if not key.startswith(self.prefix):
            return None
        name = key.removeprefix(self.prefix)
        return next((kind for kind in KEYS if kind.matches(name)), None)


def _hub(name: str) -> str:
    return fold(check_hub_name(name))


def _user(name: str) -> str:
    return fold(check_user_name(name))


def to_markdown(keys: Sequence[Key] = KEYS) -> str:
    """Return the list of keys as `docs/keys.md` shows it, one section per kind."""
    return "\n".join(_section(key) for key in keys)


def _section(key: Key) -> str:
    lines = [f"### `{key.pattern}`", "", f"- holds: {key.holds}", f"- type: {key.type}"]
    if key.fields:
        lines.append("- fields: " + ", ".join(f"`{field}`" for field in key.fields))
    steps = ", ".join(f"`{step}`" for step in key.steps)
    lines += [f"- written by: {key.writer} ({steps})", f"- lives: {key.lifetime}", ""]
    return "\n".join(lines)
