"""Every kind of key: its name, type, fields, writer and lifetime.

`KEYS` is the documentation: `etherfleet redis keys` shows it and `docs/keys.md` is made from it.
The keys themselves are made by `keys.Keys`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.model import TRAFFIC_FIELDS
from coordinator.timing import Timing


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

_CLOCKED = """
    register renew reconcile leave declare suspect place admit activate free transfer hub_move
    node_mode node_remove event ticket_find ticket_void ticket_expire lead step_down session_collect
"""
_ENDING = "session_close session_kick session_collect user_delete hub_delete"
_GRANTING = "place admit transfer renew reconcile"
_TICKETING = "admit session_open ticket_void ticket_expire user_delete hub_delete node_remove"
_JUDGING = "register renew leave declare suspect place admit hub_move node_remove lead"
_CASCADING = "cascade_create cascade_set cascade_delete"
_WITH_NODE = "until the node is removed"
_TRAFFIC = " ".join(f"{name}?" for name in TRAFFIC_FIELDS)


def _key(
    pattern: str, type: str, holds: str, *, writer: str, lifetime: str, steps: str, fields: str = ""
) -> Key:
    return Key(pattern, type, holds, tuple(fields.split()), writer, lifetime, tuple(steps.split()))


KEYS: Sequence[Key] = (
    _key(
        "meta",
        "hash",
        "the fleet itself, the lease clock, and how often something was amiss",
        fields="""
            cluster schema created seal_check clock_ms? seen_ms? run? highest_epoch? grace_ms?
            grace_min_ms? gaps? restarts? fenced?
        """,
        writer="whoever finds it missing first; the head of every step of coordination",
        lifetime="for ever",
        steps="create_once session_open session_adopt session_update session_close" + _CLOCKED,
    ),
    _key(
        "settings",
        "hash",
        "times that are the same on all nodes, in milliseconds",
        fields=" ".join(Timing().to_fields()),
        writer="whoever finds it missing first",
        lifetime="for ever",
        steps="create_once",
    ),
    _key(
        "tls",
        "hash",
        "the certificate all nodes show; the private key is sealed",
        fields="certificate private_key created",
        writer="the first node that needs one and was given none; an administrator",
        lifetime="for ever",
        steps="create_once certificate_set",
    ),
    _key(
        "directory-version",
        "string",
        "number, raised by each change of a hub or of what it holds, and of a bridge or a cascade",
        writer="every directory change",
        lifetime="for ever",
        steps="directory_create directory_set hub_delete user_delete group_delete rules_change "
        "bridge_add bridge_remove syslog_set certificate_set " + _CASCADING,
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
        fields="""
            name kind online max_sessions max_macs message log no_enum option:<option>? created
            changed version access_version? source_version? terms_version? removing?
        """,
        writer="hub create, set; `…_version` by whatever changes its rules, users and groups",
        lifetime=_WITH_HUB,
        steps="directory_create directory_set user_delete group_delete rules_change hub_delete",
    ),
    _key(
        "bridges",
        "hash",
        "which hub is joined to which interface: `nic` or `tap`, by `<hub>/<where>/<interface>`; "
        "`where` is `*`, `label=<label>` or `node=<node>`",
        fields="<rule>",
        writer="bridge add, remove; hub delete",
        lifetime="while there are any",
        steps="bridge_add bridge_remove hub_delete",
    ),
    _key(
        "administration",
        "hash",
        "the hash of the fleet administrators' password, sealed",
        fields="secret changed",
        writer="admin password; SetServerPassword of an administration tool",
        lifetime="for ever",
        steps="administration_set",
    ),
    _key(
        "hub-administration:<hub>",
        "hash",
        "the hash of the hub administrators' password, sealed, and what they may not do",
        fields="secret? option:<option>? changed",
        writer="SetHub and SetHubAdminOptions of an administration tool",
        lifetime=_WITH_HUB,
        steps="directory_create administration_set hub_delete",
    ),
    _key(
        "administrators",
        "set",
        "names of all administrators who have one, and of tokens",
        writer="admin add, remove; admin token add, revoke",
        lifetime="while there are any",
        steps="administrator_add administrator_remove",
    ),
    _key(
        "administrator:<administrator>",
        "hash",
        "a named administrator, or a token (`kind`): its role, and the hub it is for; the secret "
        "is sealed, of a token only its hash is anywhere",
        fields="""
            name kind role hub? hub_created? secret token_hash? credential expires? created changed
        """,
        writer="admin add, password; admin token add",
        lifetime="until it is removed or revoked",
        steps="administrator_add administrator_set administrator_remove",
    ),
    _key(
        "admin-tokens",
        "hash",
        "SHA-256 of each token, to its name",
        fields="<token_hash>",
        writer="admin token add, revoke",
        lifetime="each field until the token is revoked",
        steps="administrator_add administrator_remove",
    ),
    _key(
        "attempts",
        "zset",
        "who gave wrong passwords of late, by when that is forgotten, in milliseconds since 1970; "
        "sources by their address, accounts by a hash of their name",
        writer="each wrong password",
        lifetime="each entry for minutes; 20000 entries at most",
        steps="attempt_count",
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
            hub name auth secret? real_name note expires? group? policy:<policy>? created changed
            version
        """,
        writer="user create, set, passwd; group delete",
        lifetime=_WITH_USER,
        steps="directory_create directory_set user_delete group_delete hub_delete",
    ),
    _key(
        "groups:<hub>",
        "set",
        "names of a hub's groups",
        writer="group create, delete",
        lifetime=_WITH_HUB,
        steps="directory_create group_delete hub_delete",
    ),
    _key(
        "group:<hub>:<group>",
        "hash",
        "a group of users; which they are, the users say",
        fields="hub name real_name note policy:<policy>? created changed version",
        writer="group create, set",
        lifetime="until the group or its hub is deleted",
        steps="directory_create directory_set group_delete hub_delete",
    ),
    _key(
        "access:<hub>",
        "hash",
        "a hub's access list, a line for each rule: lowest priority first, the first match decides",
        fields="version next_id changed rule:<number>?",
        writer="access add, enable, disable, delete",
        lifetime=_WITH_HUB,
        steps="rules_change hub_delete",
    ),
    _key(
        "sources:<hub>",
        "hash",
        "from where clients may log in to a hub, a line for each rule: lowest priority first",
        fields="version next_id changed rule:<number>?",
        writer="hub source allow, deny, delete",
        lifetime=_WITH_HUB,
        steps="rules_change hub_delete",
    ),
    _key(
        "cascades:<hub>",
        "set",
        "names of a hub's cascades",
        writer="cascade add, set, delete",
        lifetime="while the hub has cascades",
        steps=_CASCADING + " hub_delete",
    ),
    _key(
        "cascade:<hub>:<cascade>",
        "hash",
        "a cascade of a hub to one elsewhere, as configured; the secret is sealed",
        fields="""
            hub name host tcp_port target_hub user online auth secret? certificate? trust pin?
            server_certificate? authorities? max_connection use_compress half_connection
            policy:<policy>? created changed version
        """,
        writer="cascade add, set, online, offline",
        lifetime="until the cascade or its hub is deleted",
        steps=_CASCADING + " hub_delete",
    ),
    _key(
        "cascade-status:<hub>:<cascade>",
        "hash",
        "how an online cascade is doing; policies are what the other side lets it do",
        fields="""
            hub name node inc epoch version state attempts logins started updated why? error?
            server? session? connection? connections? cipher? use_compress? half_connection?
            max_connection? first_connected? connected? next_try? policy:<policy>?
        """
        + _TRAFFIC,
        writer="the node that runs it: the hub's owner, fenced by `epoch`",
        lifetime="until the cascade is offline, renamed or deleted",
        steps="cascade_report cascade_set cascade_delete hub_delete",
    ),
    _key(
        "cascading",
        "set",
        "hubs with an online cascade: each is given an owner, a static one too",
        writer="cascade add, set, online, offline, delete",
        lifetime="while there are any",
        steps=_CASCADING + " hub_delete",
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
            use_compress half_connection qos bridge monitor group? inc hub_epoch macs? ips?
            connections created adopted? seen
        """
        + _TRAFFIC,
        writer="the node that carries it; fenced by `epoch` and `hub_epoch`",
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
        "left",
        "hash",
        "addresses last seen behind sessions that ended, by `<hub>/<user>/` and machine or origin",
        fields="<who>",
        writer="session end, where hubs have bridges; removed by the next login of that client",
        lifetime="a minute, and until another session ends",
        steps="session_open " + _ENDING,
    ),
    _key(
        "left-since",
        "zset",
        "the same clients, by when that was on the lease clock",
        writer="session end, where hubs have bridges; removed by the next login of that client",
        lifetime="a minute, and until another session ends",
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
        writer="register",
        lifetime="until they are removed",
        steps="register reconcile node_remove",
    ),
    _key(
        "node:<node>",
        "hash",
        "a node as it describes itself, and what became of its lease",
        fields="""
            id pid host address version started sessions connections count:<reason>? updated
            direct_address direct_tcp_ports peer_address is_host weight max_sessions boot process
            terms certificate witness witness_inc labels ethernet bridges refuses inc state mode
            drain_rate? why expires_ms began_ms ended? ended_ms? heir_until_ms? suspected_ms?
        """,
        writer="its renewals; whoever ends its lease",
        lifetime=_WITH_NODE,
        steps=_JUDGING + " reconcile node_mode",
    ),
    _key(
        "orders:<node>",
        "stream",
        "what a node is to do, oldest first",
        fields="order hub session? key_hash? to? epoch?",
        writer="session kick, hub delete, hub move, user delete; trimmed by the node's renewals",
        lifetime="until the node is removed; about 10000 entries at most",
        steps="session_kick hub_delete user_delete hub_move reconcile renew node_remove",
    ),
    _key(
        "leases",
        "zset",
        "nodes with a lease, by when it may be ended on the lease clock",
        writer="register, renew; whoever ends a lease",
        lifetime="while there are any",
        steps=_JUDGING + " reconcile",
    ),
    _key(
        "load",
        "zset",
        "nodes that may be chosen, by the share of their room that is taken, 0 to 1",
        writer="whatever changes how much a node carries",
        lifetime="while there are any",
        steps=f"{_JUDGING} reconcile node_mode activate free transfer session_adopt "
        f"{_ENDING} {_TICKETING}",
    ),
    _key(
        "unreconciled",
        "set",
        "nodes that have not said what they own since the store was restarted",
        writer="the first step after a restart",
        lifetime="until they have, or their lease ends",
        steps=_CLOCKED,
    ),
    _key(
        "owner:<hub>",
        "hash",
        "who has a dynamic hub, or had it last, or the cascades of a static one; nobody, while "
        "there is no `node`",
        fields="hub node? inc? epoch state since why assigned_ms epoch_before stayed? stays?",
        writer="placement; its owner",
        lifetime=_WITH_HUB,
        steps=_GRANTING + " activate free hub_delete",
    ),
    _key(
        "node-hubs:<node>",
        "set",
        "hubs recorded for a node, alive or not",
        writer="placement",
        lifetime="while there are any",
        steps=_GRANTING + " free hub_delete node_remove",
    ),
    _key(
        "node-assigned:<node>",
        "set",
        "of those, the ones it was given and has not taken up",
        writer="placement, activate",
        lifetime="while there are any",
        steps=_GRANTING + " register activate free hub_delete node_remove",
    ),
    _key(
        "ticket:<ticket>",
        "hash",
        "a login accepted for one hub on one node, by the SHA-256 of its ticket",
        fields="""
            hub user node epoch expires_ms entry address unique_id issued policy:<policy>?
        """,
        writer="admit; removed by the session that uses it",
        lifetime="until used, given back, or `ticket_ms` old",
        steps=_TICKETING,
    ),
    _key(
        "tickets",
        "zset",
        "all tickets, by their end on the lease clock",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    _key(
        "hub-tickets:<hub>",
        "set",
        "a hub's tickets: each holds a place for a session",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    _key(
        "user-tickets:<hub>:<user>",
        "hash",
        "a user's tickets, each with the id of the machine (or `-`)",
        fields="<ticket>",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    _key(
        "node-tickets:<node>",
        "set",
        "tickets that are good on a node",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    _key(
        "leader",
        "hash",
        "the controller: bound to its node's lease; nobody, while there is no `node`",
        fields="node? inc? epoch since progress progress_ms resting? resting_until_ms?",
        writer="lead",
        lifetime="for ever",
        steps="lead step_down",
    ),
    _key(
        "log",
        "stream",
        "the history: who came, left, died, led, and which hub was given to whom",
        fields="at what why node? hub? epoch? by?",
        writer="the steps that do it",
        lifetime="about 100000 entries",
        steps=_CLOCKED,
    ),
    _key(
        "syslog",
        "hash",
        "where the logs of all nodes go besides their own files",
        fields="save host udp_port format",
        writer="syslog set",
        lifetime="for ever",
        steps="syslog_set",
    ),
    _key(
        "audit",
        "stream",
        "who changed what, from where, and what it was before; the id is the time",
        fields="what kind by role? from? hub? about? before:<setting>? after:<setting>?",
        writer="whoever carries out what an operator asks",
        lifetime="about 50000 entries",
        steps="audit_add",
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
