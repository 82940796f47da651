"""Keys of what operators set: the fleet, its hubs and who may join them, rules, cascades."""

from collections.abc import Sequence

from coordinator.schema_kind import CLOCKED, TRAFFIC, WITH_HUB, WITH_USER, Key, key
from coordinator.timing import Timing

_CASCADING = "cascade_create cascade_set cascade_delete"

SETTINGS: Sequence[Key] = (
    key(
        "meta",
        "hash",
        "the fleet itself, the lease clock, and how often something was amiss",
        fields="""
            cluster schema created seal_check clock_ms? seen_ms? run? highest_epoch? grace_ms?
            grace_min_ms? gaps? restarts? fenced?
        """,
        writer="whoever finds it missing first; the head of every step of coordination",
        lifetime="for ever",
        steps="create_once session_open session_adopt session_update session_close" + CLOCKED,
    ),
    key(
        "settings",
        "hash",
        "times that are the same on all nodes, in milliseconds",
        fields=" ".join(Timing().to_fields()),
        writer="whoever finds it missing first",
        lifetime="for ever",
        steps="create_once",
    ),
    key(
        "tls",
        "hash",
        "the certificate all nodes show; the private key is sealed",
        fields="certificate private_key created",
        writer="the first node that needs one and was given none; an administrator",
        lifetime="for ever",
        steps="create_once certificate_set",
    ),
    key(
        "directory-version",
        "string",
        "number, raised by each change of a hub or of what it holds, and of a bridge or a cascade",
        writer="every directory change",
        lifetime="for ever",
        steps="directory_create directory_set hub_delete user_delete group_delete rules_change "
        "bridge_add bridge_remove syslog_set certificate_set " + _CASCADING,
    ),
    key(
        "hubs",
        "set",
        "names of all hubs",
        writer="hub create, delete",
        lifetime="while there are hubs",
        steps="directory_create hub_delete",
    ),
    key(
        "hub:<hub>",
        "hash",
        "a hub's settings",
        fields="""
            name kind online max_sessions max_macs message log no_enum option:<option>? created
            changed version access_version? source_version? terms_version? trust_version? removing?
        """,
        writer="hub create, set; `…_version` by whatever changes its rules, users, groups and "
        "whose certificates it believes",
        lifetime=WITH_HUB,
        steps="directory_create directory_set user_delete group_delete rules_change hub_delete",
    ),
    key(
        "bridges",
        "hash",
        "which hub is joined to which interface: `nic` or `tap`, by `<hub>/<where>/<interface>`; "
        "`where` is `*`, `label=<label>` or `node=<node>`",
        fields="<rule>",
        writer="bridge add, remove; hub delete",
        lifetime="while there are any",
        steps="bridge_add bridge_remove hub_delete",
    ),
    key(
        "administration",
        "hash",
        "the hash of the fleet administrators' password, sealed",
        fields="secret changed",
        writer="admin password; SetServerPassword of an administration tool",
        lifetime="for ever",
        steps="administration_set",
    ),
    key(
        "hub-administration:<hub>",
        "hash",
        "the hash of the hub administrators' password, sealed, and what they may not do",
        fields="secret? option:<option>? changed",
        writer="SetHub and SetHubAdminOptions of an administration tool",
        lifetime=WITH_HUB,
        steps="directory_create administration_set hub_delete",
    ),
    key(
        "administrators",
        "set",
        "names of all administrators who have one, and of tokens",
        writer="admin add, remove; admin token add, revoke",
        lifetime="while there are any",
        steps="administrator_add administrator_remove",
    ),
    key(
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
    key(
        "admin-tokens",
        "hash",
        "SHA-256 of each token, to its name",
        fields="<token_hash>",
        writer="admin token add, revoke",
        lifetime="each field until the token is revoked",
        steps="administrator_add administrator_remove",
    ),
    key(
        "attempts",
        "zset",
        "who gave wrong passwords of late, by when that is forgotten, in milliseconds since 1970; "
        "sources by their address, accounts by a hash of their name",
        writer="each wrong password",
        lifetime="each entry for minutes; 20000 entries at most",
        steps="attempt_count",
    ),
    key(
        "users:<hub>",
        "set",
        "names of a hub's users",
        writer="user create, delete",
        lifetime=WITH_HUB,
        steps="directory_create user_delete hub_delete",
    ),
    key(
        "user:<hub>:<user>",
        "hash",
        "a user's account; the secret is sealed, a certificate public",
        fields="""
            hub name auth secret? real_name note expires? group? certificate? common_name?
            serial? policy:<policy>? created changed version
        """,
        writer="user create, set, passwd; group delete",
        lifetime=WITH_USER,
        steps="directory_create directory_set user_delete group_delete hub_delete",
    ),
    key(
        "groups:<hub>",
        "set",
        "names of a hub's groups",
        writer="group create, delete",
        lifetime=WITH_HUB,
        steps="directory_create group_delete hub_delete",
    ),
    key(
        "group:<hub>:<group>",
        "hash",
        "a group of users; which they are, the users say",
        fields="hub name real_name note policy:<policy>? created changed version",
        writer="group create, set",
        lifetime="until the group or its hub is deleted",
        steps="directory_create directory_set group_delete hub_delete",
    ),
    key(
        "access:<hub>",
        "hash",
        "a hub's access list, a line for each rule: lowest priority first, the first match decides",
        fields="version next_id changed rule:<number>?",
        writer="access add, enable, disable, delete",
        lifetime=WITH_HUB,
        steps="rules_change hub_delete",
    ),
    key(
        "sources:<hub>",
        "hash",
        "from where clients may log in to a hub, a line for each rule: lowest priority first",
        fields="version next_id changed rule:<number>?",
        writer="hub source allow, deny, delete",
        lifetime=WITH_HUB,
        steps="rules_change hub_delete",
    ),
    key(
        "authorities:<hub>",
        "hash",
        "whose certificates of users a hub believes, a line for each: the certificate in DER, "
        "in base64",
        fields="version next_id changed rule:<number>?",
        writer="ca add, remove; AddCa and DeleteCa of an administration tool",
        lifetime=WITH_HUB,
        steps="rules_change hub_delete",
    ),
    key(
        "revocations:<hub>",
        "hash",
        "which certificates a hub no longer believes, a line for each: what they have",
        fields="version next_id changed rule:<number>?",
        writer="AddCrl, SetCrl and DelCrl of an administration tool",
        lifetime=WITH_HUB,
        steps="rules_change hub_delete",
    ),
    key(
        "cascades:<hub>",
        "set",
        "names of a hub's cascades",
        writer="cascade add, set, delete",
        lifetime="while the hub has cascades",
        steps=_CASCADING + " hub_delete",
    ),
    key(
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
    key(
        "cascade-status:<hub>:<cascade>",
        "hash",
        "how an online cascade is doing; policies are what the other side lets it do",
        fields="""
            hub name node inc epoch version state attempts logins started updated why? error?
            server? session? connection? connections? cipher? use_compress? half_connection?
            max_connection? first_connected? connected? next_try? policy:<policy>?
        """
        + TRAFFIC,
        writer="the node that runs it: the hub's owner, fenced by `epoch`",
        lifetime="until the cascade is offline, renamed or deleted",
        steps="cascade_report cascade_set cascade_delete hub_delete",
    ),
    key(
        "cascading",
        "set",
        "hubs with an online cascade: each is given an owner, a static one too",
        writer="cascade add, set, online, offline, delete",
        lifetime="while there are any",
        steps=_CASCADING + " hub_delete",
    ),
)
