"""Keys of what runs: sessions, nodes, leases, tickets, and what is told of them."""

from collections.abc import Sequence

from coordinator.schema_kind import CLOCKED, TRAFFIC, WITH_HUB, WITH_USER, Key, key

_WITH_SESSION = "until the session ends"
_ENDING = "session_close session_kick session_collect user_delete hub_delete"
_GRANTING = "place admit transfer renew reconcile"
_TICKETING = "admit session_open ticket_void ticket_expire user_delete hub_delete node_remove"
_JUDGING = "register renew leave declare suspect place admit hub_move node_remove lead"
_WITH_NODE = "until the node is removed"

RUNNING: Sequence[Key] = (
    key(
        "session-number:<hub>",
        "string",
        "number in the name of the hub's newest session",
        writer="session open",
        lifetime=WITH_HUB,
        steps="session_open hub_delete",
    ),
    key(
        "sessions:<hub>",
        "set",
        "names of a hub's sessions; its size is what the hub's limit counts",
        writer="session open, end",
        lifetime="while the hub has sessions",
        steps="session_open " + _ENDING,
    ),
    key(
        "session:<hub>:<session>",
        "hash",
        "a session: what another node needs to carry on with it",
        fields="""
            name hub user node epoch key_hash address client_name client_version client_build
            host_name unique_id? policy:<policy>? max_connection timeout_ms use_encrypt
            use_compress half_connection qos bridge monitor group? inc hub_epoch macs? ips?
            connections created adopted? seen
        """
        + TRAFFIC,
        writer="the node that carries it; fenced by `epoch` and `hub_epoch`",
        lifetime=_WITH_SESSION,
        steps="session_open session_adopt session_update " + _ENDING,
    ),
    key(
        "session-keys",
        "hash",
        "SHA-256 of each session key, to `<hub>:<session>`",
        fields="<key_hash>",
        writer="session open, end",
        lifetime="each field until the session ends",
        steps="session_open " + _ENDING,
    ),
    key(
        "user-sessions:<hub>:<user>",
        "hash",
        "a user's sessions, each with the id of its machine (or `-`)",
        fields="<session>",
        writer="session open, end",
        lifetime="while the user has sessions",
        steps="session_open " + _ENDING,
    ),
    key(
        "left",
        "hash",
        "addresses last seen behind sessions that ended, by `<hub>/<user>/` and machine or origin",
        fields="<who>",
        writer="session end, where hubs have bridges; removed by the next login of that client",
        lifetime="a minute, and until another session ends",
        steps="session_open " + _ENDING,
    ),
    key(
        "left-since",
        "zset",
        "the same clients, by when that was on the lease clock",
        writer="session end, where hubs have bridges; removed by the next login of that client",
        lifetime="a minute, and until another session ends",
        steps="session_open " + _ENDING,
    ),
    key(
        "node-sessions:<node>",
        "set",
        "`<hub>:<session>` of all that a node carries",
        writer="session open, adopt, end",
        lifetime="while it carries any",
        steps="session_open session_adopt " + _ENDING,
    ),
    key(
        "nodes",
        "set",
        "names of all nodes",
        writer="register",
        lifetime="until they are removed",
        steps="register reconcile node_remove",
    ),
    key(
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
    key(
        "orders:<node>",
        "stream",
        "what a node is to do, oldest first",
        fields="order hub session? key_hash? to? epoch?",
        writer="session kick, hub delete, hub move, user delete; trimmed by the node's renewals",
        lifetime="until the node is removed; about 10000 entries at most",
        steps="session_kick hub_delete user_delete hub_move reconcile renew node_remove",
    ),
    key(
        "leases",
        "zset",
        "nodes with a lease, by when it may be ended on the lease clock",
        writer="register, renew; whoever ends a lease",
        lifetime="while there are any",
        steps=_JUDGING + " reconcile",
    ),
    key(
        "load",
        "zset",
        "nodes that may be chosen, by the share of their room that is taken, 0 to 1",
        writer="whatever changes how much a node carries",
        lifetime="while there are any",
        steps=f"{_JUDGING} reconcile node_mode activate free transfer session_adopt "
        f"{_ENDING} {_TICKETING}",
    ),
    key(
        "unreconciled",
        "set",
        "nodes that have not said what they own since the store was restarted",
        writer="the first step after a restart",
        lifetime="until they have, or their lease ends",
        steps=CLOCKED,
    ),
    key(
        "owner:<hub>",
        "hash",
        "who has a dynamic hub, or had it last, or the cascades of a static one; nobody, while "
        "there is no `node`",
        fields="hub node? inc? epoch state since why assigned_ms epoch_before stayed? stays?",
        writer="placement; its owner",
        lifetime=WITH_HUB,
        steps=_GRANTING + " activate free hub_delete",
    ),
    key(
        "node-hubs:<node>",
        "set",
        "hubs recorded for a node, alive or not",
        writer="placement",
        lifetime="while there are any",
        steps=_GRANTING + " free hub_delete node_remove",
    ),
    key(
        "node-assigned:<node>",
        "set",
        "of those, the ones it was given and has not taken up",
        writer="placement, activate",
        lifetime="while there are any",
        steps=_GRANTING + " register activate free hub_delete node_remove",
    ),
    key(
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
    key(
        "tickets",
        "zset",
        "all tickets, by their end on the lease clock",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    key(
        "hub-tickets:<hub>",
        "set",
        "a hub's tickets: each holds a place for a session",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    key(
        "user-tickets:<hub>:<user>",
        "hash",
        "a user's tickets, each with the id of the machine (or `-`)",
        fields="<ticket>",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    key(
        "node-tickets:<node>",
        "set",
        "tickets that are good on a node",
        writer="admit",
        lifetime="while there are any",
        steps=_TICKETING,
    ),
    key(
        "leader",
        "hash",
        "the controller: bound to its node's lease; nobody, while there is no `node`",
        fields="node? inc? epoch since progress progress_ms resting? resting_until_ms?",
        writer="lead",
        lifetime="for ever",
        steps="lead step_down",
    ),
    key(
        "log",
        "stream",
        "the history: who came, left, died, led, and which hub was given to whom",
        fields="at what why node? hub? epoch? by?",
        writer="the steps that do it",
        lifetime="about 100000 entries",
        steps=CLOCKED,
    ),
    key(
        "syslog",
        "hash",
        "where the logs of all nodes go besides their own files",
        fields="save host udp_port format",
        writer="syslog set",
        lifetime="for ever",
        steps="syslog_set",
    ),
    key(
        "audit",
        "stream",
        "who changed what, from where, and what it was before; the id is the time",
        fields="what kind by role? from? hub? about? before:<setting>? after:<setting>?",
        writer="whoever carries out what an operator asks",
        lifetime="about 50000 entries",
        steps="audit_add",
    ),
    key(
        "traffic:hub:<hub>",
        "hash",
        "what a hub has carried and dropped",
        fields="logins? last_login? drop:<reason>? " + TRAFFIC,
        writer="session open; its nodes, every few seconds",
        lifetime=WITH_HUB,
        steps="session_open traffic_add hub_delete",
    ),
    key(
        "traffic:user:<hub>:<user>",
        "hash",
        "what a user has sent and received",
        fields="logins? last_login? " + TRAFFIC,
        writer="session open; the nodes that carry it, every few seconds",
        lifetime=WITH_USER,
        steps="session_open traffic_add user_delete hub_delete",
    ),
)
