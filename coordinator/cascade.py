"""A cascade: a hub's session on a hub elsewhere, as configured, and how it is doing.

The configuration is the operators'; how it is doing is written by the one node that runs it, the
hub's owner, under the epoch by which it owns the hub.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from coordinator.bounds import check_number, check_size, check_text
from coordinator.errors import InvalidValue
from coordinator.model import NEVER, Traffic
from coordinator.names import (
    check_cascade_name,
    check_hub_name,
    check_policy_name,
    check_user_name,
)
from coordinator.times import Timestamp

MOST_OF_A_HUB = 128  # cascades; the reference's limit (MAX_HUB_LINKS)
MAX_HOST = 255  # bytes of a name
MAX_PEM = 16_384  # bytes of a certificate with its chain, a key, or authorities
MAX_CONNECTIONS = 32

_PIN = re.compile("[0-9a-f]{64}")
_HOST = re.compile(r"[^\s/\[\]]+")


class CascadeAuth(StrEnum):
    """How a cascade proves who it is."""

    ANONYMOUS = "anonymous"
    PASSWORD = "password"
    """By the hash of the user's password: the password itself is stored nowhere."""
    PLAIN_PASSWORD = "plain-password"
    """The password itself, for a server that asks somebody else (RADIUS)."""
    CERTIFICATE = "certificate"


class CascadeTrust(StrEnum):
    """Which certificate of the other side is believed."""

    ANY = "any"
    PIN = "pin"
    """One, and no other."""
    AUTHORITIES = "authorities"
    """One of that name, signed by an authority."""


class CascadeState(StrEnum):
    """What a cascade is doing. The first four are written by the node that runs it."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RETRYING = "retrying"
    """The last attempt failed; the next one comes at `next_try`."""
    LOOPED = "looped"
    """Cut, because frames came back to us by it; tried again at `next_try`."""
    OFFLINE = "offline"
    WAITING = "waiting"
    """For a node to run it: its hub has no owner, or one that has just taken it up."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """One cascade of a hub."""

    hub: str
    name: str
    """Told apart in the hub without regard to case."""
    host: str
    """A name or an address, without brackets."""
    tcp_port: int
    target_hub: str
    user: str
    online: bool = True
    auth: CascadeAuth = CascadeAuth.PASSWORD
    secret: bytes | None = field(default=None, repr=False)
    """By `auth`: the 20-byte user hash of the wire, the password in UTF-8, the private key in PEM.
    """
    certificate: str = ""
    """In PEM, of `auth` certificate."""
    trust: CascadeTrust = CascadeTrust.ANY
    pin: str = ""
    """SHA-256 of the one certificate that is believed, in DER; lower case hex."""
    server_certificate: str = ""
    """That certificate in PEM, where whoever configured the cascade gave it whole."""
    authorities: str = ""
    """In PEM; empty: those the gateway's system trusts."""
    max_connection: int = 8
    use_compress: bool = False
    half_connection: bool = False
    policy: Mapping[str, int] = field(default_factory=dict)
    """Of its port on our hub, by the names on the wire; only what differs from the default."""
    created: Timestamp = NEVER
    changed: Timestamp = NEVER
    version: int = 0


@dataclass(frozen=True, slots=True)
class CascadeStatus:
    """How a cascade is doing, by the node that runs it."""

    hub: str
    name: str
    node: str
    inc: int
    """Incarnation of the node."""
    epoch: int
    """Under which the node owns the hub."""
    version: int
    """Of the configuration it runs."""
    state: CascadeState
    why: str = ""
    """Why it is not connected: one line."""
    error: int = 0
    """The same as a number of the wire; 0: none."""
    attempts: int = 0
    """Since the node took it up, or the configuration changed."""
    logins: int = 0
    """Of those, how many led to a session."""
    server: str = ""
    """Where its session is: address and TCP port, after any redirects."""
    session: str = ""
    """Its name there."""
    connection: str = ""
    connections: int = 0
    """TCP connections that stand."""
    cipher: str = ""
    use_compress: bool = False
    half_connection: bool = False
    max_connection: int = 0
    """Agreed with the other side."""
    far_policy: Mapping[str, int] = field(default_factory=dict)
    """What the other side lets us do, by the names on the wire."""
    started: Timestamp = NEVER
    """When the node took it up."""
    first_connected: Timestamp = NEVER
    connected: Timestamp = NEVER
    """Since when the session of now stands."""
    next_try: Timestamp = NEVER
    updated: Timestamp = NEVER
    traffic: Traffic = field(default_factory=Traffic)
    """Since the node took it up. `received`: from there into our hub."""


def check_cascade(cascade: Cascade) -> None:
    """Raises InvalidValue for anything that cannot be stored or cannot work."""
    check_hub_name(cascade.hub)
    check_cascade_name(cascade.name)
    check_hub_name(cascade.target_hub)
    check_user_name(cascade.user)
    check_text("host", cascade.host, MAX_HOST)
    if not _HOST.fullmatch(cascade.host):
        raise InvalidValue(f"host {cascade.host!r}: a name or an address is wanted")
    check_number("TCP port", cascade.tcp_port, 1, 65_535)
    check_number("connections", cascade.max_connection, 1, MAX_CONNECTIONS)
    for name, value in cascade.policy.items():
        check_number(f"policy {check_policy_name(name)}", value)
    for what in ("certificate", "server_certificate", "authorities"):
        check_text(what, getattr(cascade, what), MAX_PEM)
    _check_proof(cascade)
    _check_trust(cascade)


def _check_proof(cascade: Cascade) -> None:
    who = f"cascade {cascade.name!r}"
    if (cascade.secret is None) is not (cascade.auth is CascadeAuth.ANONYMOUS):
        missing = "a secret" if cascade.secret is None else "no secret"
        raise InvalidValue(f"{who}: {cascade.auth} needs {missing}")
    check_size(f"{who}: secret", len(cascade.secret or b""), MAX_PEM)
    if bool(cascade.certificate) is not (cascade.auth is CascadeAuth.CERTIFICATE):
        missing = "no certificate" if cascade.certificate else "a certificate"
        raise InvalidValue(f"{who}: {cascade.auth} needs {missing}")


def _check_trust(cascade: Cascade) -> None:
    who = f"cascade {cascade.name!r}"
    if bool(cascade.pin) is not (cascade.trust is CascadeTrust.PIN):
        raise InvalidValue(f"{who}: trust is {cascade.trust}, and its pin is {cascade.pin!r}")
    if cascade.pin and not _PIN.fullmatch(cascade.pin):
        raise InvalidValue(f"pin {cascade.pin!r}: 64 hex digits in lower case are wanted")
    if cascade.authorities and cascade.trust is not CascadeTrust.AUTHORITIES:
        raise InvalidValue(f"{who}: trust is {cascade.trust}, and authorities are given")
