"""What is stored, as frozen values. How they look in the store: `records.py`.

`version` of a hub or user is the directory's version at its last change (0: not stored yet). A
changed copy is written back under the version it was read with, so nobody's change is lost unseen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TypeAlias

from coordinator.hub_log import HubLog
from coordinator.times import Timestamp

NEVER = Timestamp("")  # a time that has not come


class HubKind(StrEnum):
    """`dynamic`: one instance, on the node that owns it. `static`: one on every node."""

    DYNAMIC = "dynamic"
    STATIC = "static"


class AuthKind(StrEnum):
    """How a user proves who he is."""

    ANONYMOUS = "anonymous"
    PASSWORD = "password"
    CERTIFICATE = "certificate"
    """By one certificate, and no other."""
    SIGNED = "signed"
    """By a certificate that an authority of the hub signed."""


class Role(StrEnum):
    """What an administrator with a name, or a token, may do."""

    FLEET_ADMIN = "fleet-admin"
    """Everything."""
    HUB_ADMIN = "hub-admin"
    """What a hub's own administrator may, in one hub."""
    READ_ONLY = "read-only"
    """Look, at the whole fleet or at one hub."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A virtual Ethernet switch as configured. For limits 0 means none of our own."""

    name: str
    kind: HubKind = HubKind.DYNAMIC
    online: bool = True
    max_sessions: int = 0
    """Over the whole fleet."""
    max_macs: int = 0
    """Addresses the switch may learn."""
    message: str = ""
    """Shown to each client that joins."""
    no_enum: bool = False
    """Not named to clients that ask which hubs there are."""
    options: Mapping[str, int] = field(default_factory=dict)
    """Extended options by the reference's names; only what differs from the default."""
    created: Timestamp = NEVER
    changed: Timestamp = NEVER
    version: int = 0
    log: HubLog = field(default_factory=HubLog)
    """What is written down of it."""
    access_version: int = field(default=0, compare=False)
    """Of its access list; like the next three written by steps: what has changed is read again."""
    source_version: int = field(default=0, compare=False)
    """Of its source rules."""
    terms_version: int = field(default=0, compare=False)
    """The latest of its users and groups."""
    trust_version: int = field(default=0, compare=False)
    """Of its authorities and revocations."""


@dataclass(frozen=True, slots=True)
class User:
    """An account of one hub."""

    hub: str
    name: str
    auth: AuthKind = AuthKind.PASSWORD
    secret: bytes | None = field(default=None, repr=False)
    """For `password` the 20-byte user hash of the wire; as good as the password itself."""
    real_name: str = ""
    note: str = ""
    expires: Timestamp | None = None
    """No login from this moment on."""
    policy: Mapping[str, int] = field(default_factory=dict)
    """By the names on the wire, without `policy:`; only what differs from the default. If there is
    any, the group's does not hold (`groups.policy_of`)."""
    group: str = ""
    """The group he is in; empty: none."""
    certificate: bytes = b""
    """Of `auth` certificate: the one, in DER."""
    common_name: str = ""
    """Of `auth` signed: what the certificate's must be; empty: any."""
    serial: bytes = b""
    """Of `auth` signed: what the certificate's must be, without zeros in front; empty: any."""
    created: Timestamp = NEVER
    changed: Timestamp = NEVER
    version: int = 0

    @property
    def is_certified(self) -> bool:
        """Say whether he proves who he is by a certificate."""
        return self.auth in (AuthKind.CERTIFICATE, AuthKind.SIGNED)

    def is_expired(self, now: Timestamp) -> bool:
        """Say whether logging in has ended by `now`."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class Traffic:
    """Frames and their bytes. `received`: from clients, `sent`: to clients.

    `broadcast` includes multicast.
    """

    received_unicast_frames: int = 0
    received_unicast_bytes: int = 0
    received_broadcast_frames: int = 0
    received_broadcast_bytes: int = 0
    sent_unicast_frames: int = 0
    sent_unicast_bytes: int = 0
    sent_broadcast_frames: int = 0
    sent_broadcast_bytes: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(*(getattr(self, n) + getattr(other, n) for n in TRAFFIC_FIELDS))

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in TRAFFIC_FIELDS)


TRAFFIC_FIELDS = tuple(f.name for f in fields(Traffic))


@dataclass(frozen=True, slots=True)
class Totals:
    """What a hub or a user has carried since it was created."""

    traffic: Traffic = Traffic()
    drops: Mapping[str, int] = field(default_factory=dict)
    """Frames not passed on, by reason."""
    logins: int = 0
    last_login: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session about to be opened: all that its login settled."""

    hub: str
    user: str
    node: str
    """Who carries it."""
    address: str
    """Where the client came from, `192.0.2.1:50000` or `[2001:db8::1]:50000`."""
    client_name: str = ""
    client_version: int = 0
    client_build: int = 0
    host_name: str = ""
    unique_id: bytes = b""
    """Of the client's machine, 20 bytes; empty or all zero: it did not say."""
    policy: Mapping[str, int] = field(default_factory=dict)
    """The policy of login time, by the names on the wire. `MultiLogins` is enforced by `open`."""
    max_connection: int = 1
    timeout_ms: int = 20_000
    use_encrypt: bool = True
    use_compress: bool = False
    half_connection: bool = False
    qos: bool = False
    bridge: bool = False
    """May carry addresses other than its own (`require_bridge_routing`, granted)."""
    monitor: bool = False
    group: str = ""
    """The user's at login; empty: none."""
    inc: int = 0
    """Incarnation of the node that carries it."""
    hub_epoch: int = 0
    """Of a dynamic hub: the epoch under which the node owns it. Every write about the session
    carries it. 0: of a static hub, or of a fleet that never placed the hub."""

    @property
    def origin(self) -> str:
        """Where the client is, without its port, and what its host is called."""
        return f"{self.address.rpartition(':')[0]} {self.host_name}"


@dataclass(frozen=True, slots=True)
class SessionRecord(NewSession):
    """A session as the store knows it: enough for another node to carry on with it."""

    name: str = ""
    """`SID-<USER>-<n>`, n counted per hub."""
    key_hash: str = ""
    """SHA-256 of the session key, hex. The key itself is stored nowhere."""
    epoch: int = 0
    """Grows when another process takes the session over; fences the one before."""
    macs: tuple[str, ...] = ()
    """Addresses last seen behind it, `02:00:00:00:00:01`; hints for whoever adopts it."""
    ips: tuple[str, ...] = ()
    connections: int = 0
    created: Timestamp = NEVER
    adopted: Timestamp = NEVER
    """When its present node took it over; never, while it is with the first."""
    seen: Timestamp = NEVER
    """When its node last reported on it."""
    traffic: Traffic = Traffic()


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """What a node reports about a session it carries; None leaves a hint as it is."""

    record: SessionRecord
    connections: int
    traffic: Traffic = Traffic()
    """Since the last report."""
    macs: tuple[str, ...] | None = None
    ips: tuple[str, ...] | None = None


NO_DEVICE = "none"
"""In place of an interface: the hub is to have no bridge on those gateways."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A rule: this hub is joined to that interface, on every gateway or on some."""

    hub: str
    """Folded."""
    device: str
    node: str = ""
    """Only there: a node, or all workers of a gateway of that name."""
    label: str = ""
    """Only on gateways with this label."""
    is_tap: bool = False
    """The gateway makes the interface, a TAP device."""


class BridgeState(StrEnum):
    """What became of a bridge on one node."""

    UP = "up"
    LOOP = "loop"
    """Shut, because frames came back through the hub."""
    DOWN = "down"
    """The interface is down, or nothing is at its other end."""
    MISSING = "missing"
    """No interface of that name."""
    FAILED = "failed"

    @property
    def is_usable(self) -> bool:
        """Say whether sessions of the hub may live there. A loop is cut at one of its ends: the
        hub reaches the LAN by the other."""
        return self in (BridgeState.UP, BridgeState.LOOP)


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """One bridge as the node has it."""

    hub: str
    """Folded."""
    device: str
    state: BridgeState
    why: str = ""
    """One line: what is wrong, or what to know although it is up."""


class NodeState(StrEnum):
    """What the fleet has decided about an incarnation. Passing its expiry decides nothing."""

    UP = "up"
    DEAD = "dead"
    LEFT = "left"


class NodeMode(StrEnum):
    """What operators want of a node; it outlives restarts."""

    SERVING = "serving"
    CORDONED = "cordoned"
    """Place nothing new here."""
    DRAINING = "draining"
    """And hand over what is here."""


@dataclass(frozen=True, slots=True)
class Node:
    """A running gateway process, as it describes itself; then, what steps have written."""

    id: str
    pid: int
    host: str
    address: str
    """Where clients reach it, `host:tcp_port`."""
    version: str
    """Of the program."""
    started: Timestamp
    sessions: int = 0
    connections: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    """What happened to strangers and frames since it started, by reason."""
    updated: Timestamp = NEVER
    direct_address: str = ""
    """The IPv4 address of redirects to this very node; empty: clients cannot be sent here."""
    direct_tcp_ports: tuple[int, ...] = ()
    """And its ports, the preferred one first."""
    peer_address: str = ""
    """Where other nodes reach this very process, `host:tcp_port`."""
    is_host: bool = True
    """Carries sessions; false: controller only, or about to stop."""
    weight: int = 100
    """Percent of a standard node. 0 means 100, as in the reference."""
    max_sessions: int = 0
    """0: the reference's 100000."""
    boot: str = ""
    """Id of this start of its host: two processes with the same one see each other's end."""
    process: str = ""
    """Name its supervisor gave this very process, to end it by."""
    witness: str = ""
    """The node that may declare it dead before its lease ends; empty: none may."""
    witness_inc: int = 0
    """Which incarnation of that."""
    labels: tuple[str, ...] = ()
    """By which settings single it out."""
    ethernet: tuple[str, ...] = ()
    """The Ethernet interfaces of its host."""
    bridges: tuple[BridgeStatus, ...] = ()
    refuses: tuple[str, ...] = ()
    """Hubs, folded, whose bridge it cannot have: their sessions are placed elsewhere."""
    terms: str = ""
    """Settings that should be alike on all nodes, `timeout_s=20 resume_s=60 ...`."""
    certificate: str = ""
    """SHA-256 of the certificate it shows, hex."""
    inc: int = 0
    """Incarnation: grows with each start. 0: has no lease."""
    state: NodeState = NodeState.UP
    mode: NodeMode = NodeMode.SERVING
    drain_rate: int = 0
    """Sessions a second at most that go elsewhere while it drains; 0: as it likes."""
    why: str = ""
    """How it came to its state."""
    ended: Timestamp = NEVER
    expires_ms: int = 0
    """When its lease may be ended, on the lease clock."""
    ended_ms: int = 0
    """When it was declared dead or left, on the lease clock."""


@dataclass(frozen=True, slots=True)
class DropSession:
    """An order to a node: end this session if you carry it; its record is gone already."""

    hub: str
    session: str
    key_hash: str


@dataclass(frozen=True, slots=True)
class MoveHub:
    """An order to a node: hand this hub over; to any node if `to` is empty."""

    hub: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class LoseHub:
    """An order to a node: the store lost writes, and another has this hub at a higher epoch."""

    hub: str
    epoch: int


Order: TypeAlias = DropSession | MoveHub | LoseHub


@dataclass(frozen=True, slots=True)
class FleetCertificate:
    """The one certificate all nodes show: a client that comes back insists on it."""

    cert_pem: str
    key_pem: str = field(repr=False)
