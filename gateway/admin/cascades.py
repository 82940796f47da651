"""Cascades of a hub, as an operator sees and changes them. Secrets come in and never go out.

Values in, values out; the command line and the administration calls put their words around them.
How a cascade is doing is what the node that runs it wrote last, as far as that node still may.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypedDict

from coordinator.cascade import Cascade, CascadeAuth, CascadeState, CascadeStatus, CascadeTrust
from coordinator.errors import InvalidValue, NotFound, SealBroken
from coordinator.fleet import Fleet
from coordinator.model import Hub, NodeState
from coordinator.names import fold
from coordinator.placement import Ownership
from coordinator.times import Timestamp
from gateway.admin import audit
from gateway.admin.agreement import until_agreed
from gateway.admin.hubs import find as find_hub
from gateway.admin.policies import merge
from gateway.errors import ConfigError
from gateway.wire.auth import user_password_hash

MAX_PASSWORD = 255  # bytes


@dataclass(frozen=True, slots=True)
class Nothing:
    """Log in without a proof."""


@dataclass(frozen=True, slots=True)
class Password:
    """Log in by a password, of which the hash is stored, for this user alone."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """The same, where only the hash is known: 20 bytes, see `user_password_hash`."""

    hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlainPassword:
    """Log in by the password itself, for a server that asks somebody else."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Log in by a certificate; both in PEM, the key RSA and without a password."""

    certificate: str
    key: str = field(repr=False)


Proof: TypeAlias = Nothing | Password | PasswordHash | PlainPassword | Identity


@dataclass(frozen=True, slots=True)
class Anything:
    """Believe whoever answers."""

    certificate: str = ""
    """One in PEM that is kept for when it shall be believed alone."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """Believe one certificate, by its SHA-256 in lower case hex."""

    pin: str
    certificate: str = ""
    """The certificate in PEM, where it is known whole."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Believe a certificate of the host's name, signed by these authorities (PEM; empty: those the
    gateway's system trusts)."""

    authorities: str = ""


Trust: TypeAlias = Anything | Pinned | Signed


class CascadeSettings(TypedDict, total=False):
    """What has a default: online, eight connections, plain, whoever answers is believed."""

    trust: Trust
    online: bool
    max_connection: int
    use_compress: bool
    half_connection: bool
    policy: Mapping[str, int | None]
    """By wire name; None takes one back to its default. Others stay."""


class NewCascade(CascadeSettings):
    """What a cascade is made of."""

    host: str
    tcp_port: int
    target_hub: str
    user: str
    proof: Proof


class CascadeChanges(CascadeSettings, total=False):
    """What of a cascade may be changed; what is absent stays."""

    name: str
    host: str
    tcp_port: int
    target_hub: str
    user: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class CascadeReport:
    """A cascade and how it is doing."""

    cascade: Cascade
    state: CascadeState
    why: str
    """Why it does not stand; empty while it does."""
    node: str = ""
    """Who runs it, or is about to; empty: nobody."""
    status: CascadeStatus | None = None
    """What that node says of it; None while it has not said anything yet."""


def add(fleet: Fleet, hub: str, name: str, now: Timestamp, new: NewCascade) -> Cascade:
    """Make a cascade. Raises NotFound (the hub), AlreadyExists, InvalidValue."""
    where = new["host"], new["tcp_port"], new["target_hub"]
    blank = Cascade(find_hub(fleet, hub).name, name, *where, new["user"])
    made = fleet.cascades.create(_changed(blank, new), now)
    audit.record(fleet, "cascade add", hub=made.hub, about=made.name, after=made)
    return made


def find(fleet: Fleet, hub: str, name: str) -> Cascade:
    """Return a cascade by name in any case. Raises NotFound: the hub or the cascade."""
    cascade = fleet.cascades.get(hub, name)
    if cascade is None:
        find_hub(fleet, hub)
        raise NotFound("cascade", name)
    return cascade


def report(fleet: Fleet, hub: str, name: str) -> CascadeReport:
    """Return one cascade and how it is doing. Raises NotFound."""
    cascade = find(fleet, hub, name)
    found = find_hub(fleet, cascade.hub)
    owner = fleet.placement.owner(cascade.hub)
    status = fleet.cascades.status(cascade.hub, cascade.name)
    return judge(found, cascade, owner, _is_alive(fleet, owner), status)


def reports(fleet: Fleet, hub: str | None = None) -> Sequence[CascadeReport]:
    """Return all cascades of a hub, or of all hubs, by hub and name. Raises NotFound."""
    hubs = [find_hub(fleet, hub)] if hub is not None else fleet.directory.hubs()
    found = []
    for each in hubs:
        cascades = fleet.cascades.of_hub(each.name)
        if not cascades:
            continue
        owner = fleet.placement.owner(each.name)
        is_alive = _is_alive(fleet, owner)
        statuses = fleet.cascades.statuses(each.name, [cascade.name for cascade in cascades])
        found += [
            judge(each, cascade, owner, is_alive, status)
            for cascade, status in zip(cascades, statuses, strict=True)
        ]
    return found


def troubles(fleet: Fleet) -> Iterator[str]:
    """Return a line for each cascade that is to run and failed, or goes round in a loop."""
    for hub in fleet.cascades.cascading():
        try:
            for found in reports(fleet, hub):
                if found.state in (CascadeState.RETRYING, CascadeState.LOOPED):
                    cascade = found.cascade
                    yield f"cascade {cascade.name} of hub {cascade.hub}: {found.why}"
        except SealBroken as error:
            yield f"cascades of hub {hub} cannot run: {error}"
        except NotFound:  # deleted meanwhile
            continue


def change(fleet: Fleet, hub: str, name: str, now: Timestamp, changes: CascadeChanges) -> Cascade:
    """Change a cascade, its name included, and return it as it is now.

    The node that runs it begins anew within a second or two. A new user needs a new proof where
    only the hash of a password is stored. Raises NotFound, AlreadyExists, InvalidValue, Conflict.
    """

    def attempt() -> tuple[Cascade, Cascade]:
        was = find(fleet, hub, name)
        if _needs_proof(was, changes):
            raise InvalidValue(
                f"cascade {was.name!r}: the stored password is of user {was.user!r} alone; "
                "give one of the new user's"
            )
        return was, fleet.cascades.set(_changed(was, changes), now, was=was.name)

    was, made = until_agreed(attempt)
    audit.record(fleet, "cascade set", hub=made.hub, about=was.name, before=was, after=made)
    if made.name != was.name:
        names = {"name": was.name}, {"name": made.name}
        audit.record(fleet, "cascade rename", hub=made.hub, before=names[0], after=names[1])
    return made


def delete(fleet: Fleet, hub: str, name: str) -> Cascade:
    """Delete a cascade and return what it was. Raises NotFound."""
    cascade = find(fleet, hub, name)
    fleet.cascades.delete(cascade.hub, cascade.name)
    audit.record(fleet, "cascade delete", hub=cascade.hub, about=cascade.name, before=cascade)
    return cascade


def judge(
    hub: Hub,
    cascade: Cascade,
    owner: Ownership | None,
    is_owner_alive: bool,
    status: CascadeStatus | None,
) -> CascadeReport:
    """Return how a cascade is doing, from what is stored of it. Pure."""
    if not cascade.online:
        return CascadeReport(cascade, CascadeState.OFFLINE, "switched off")
    if not hub.online:
        return CascadeReport(cascade, CascadeState.WAITING, f"hub {hub.name} is offline")
    if owner is None or not owner.node or not is_owner_alive:
        return CascadeReport(cascade, CascadeState.WAITING, "no node has its hub yet")
    is_theirs = status is not None and (status.node, status.inc, status.epoch) == (
        *(owner.node, owner.inc),
        owner.epoch,
    )
    if status is None or not is_theirs:
        why = f"node {owner.node} is about to start it"
        return CascadeReport(cascade, CascadeState.WAITING, why, owner.node)
    if status.version != cascade.version:
        why = f"node {owner.node} is about to learn of the change"
        return CascadeReport(cascade, CascadeState.WAITING, why, owner.node)
    return CascadeReport(cascade, status.state, status.why, owner.node, status)


def check_identity(certificate: str, key: str) -> None:
    """Raises InvalidValue unless the two, in PEM, belong together and can prove anything."""
    from gateway.wire.identity import read_identity

    try:
        read_identity(certificate, key)
    except ConfigError as error:
        raise InvalidValue(str(error)) from error


def pin_of(certificate: str) -> Pinned:
    """Return the trust in one certificate, given in PEM. Raises InvalidValue."""
    from gateway.wire.identity import certificate_der

    try:
        der = certificate_der(certificate)
    except ConfigError as error:
        raise InvalidValue(str(error)) from error
    return Pinned(hashlib.sha256(der).hexdigest(), certificate)


def _is_alive(fleet: Fleet, owner: Ownership | None) -> bool:
    node = fleet.nodes.node(owner.node) if owner is not None and owner.node else None
    return (
        node is not None
        and owner is not None
        and node.state is NodeState.UP
        and node.inc == owner.inc
    )


def _needs_proof(was: Cascade, changes: CascadeChanges) -> bool:
    is_other = "user" in changes and fold(changes["user"]) != fold(was.user)
    return is_other and was.auth is CascadeAuth.PASSWORD and "proof" not in changes


def _changed(cascade: Cascade, changes: CascadeChanges | NewCascade) -> Cascade:
    named = dict(changes)
    for taken in ("proof", "trust", "policy"):
        named.pop(taken, None)
    made = replace(cascade, **named)  # type: ignore[arg-type]  # the changes bear the fields' names
    if "policy" in changes:
        made = replace(made, policy=merge(cascade.policy, changes["policy"]))
    if "proof" in changes:
        made = _with_proof(made, changes["proof"])
    return _with_trust(made, changes["trust"]) if "trust" in changes else made


def _with_proof(cascade: Cascade, proof: Proof) -> Cascade:
    made = replace(cascade, certificate="")
    match proof:
        case Nothing():
            return replace(made, auth=CascadeAuth.ANONYMOUS, secret=None)
        case Password(password):
            secret = user_password_hash(_checked(password), cascade.user)
            return replace(made, auth=CascadeAuth.PASSWORD, secret=secret)
        case PasswordHash(hashed):
            if len(hashed) != 20:
                raise InvalidValue(f"password hash: {len(hashed)} bytes, 20 expected")
            return replace(made, auth=CascadeAuth.PASSWORD, secret=hashed)
        case PlainPassword(password):
            secret = _checked(password).encode()
            return replace(made, auth=CascadeAuth.PLAIN_PASSWORD, secret=secret)
        case Identity(certificate, key):
            check_identity(certificate, key)
            return replace(
                made,
                auth=CascadeAuth.CERTIFICATE,
                secret=key.encode(),
                certificate=certificate,
            )


def _with_trust(cascade: Cascade, trust: Trust) -> Cascade:
    made = replace(cascade, pin="", server_certificate="", authorities="")
    match trust:
        case Anything(certificate):
            return replace(made, trust=CascadeTrust.ANY, server_certificate=certificate)
        case Pinned(pin, certificate):
            return replace(made, trust=CascadeTrust.PIN, pin=pin, server_certificate=certificate)
        case Signed(authorities):
            return replace(made, trust=CascadeTrust.AUTHORITIES, authorities=authorities)


def _checked(password: str) -> str:
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        raise InvalidValue("the password is not valid Unicode") from None
    if not 1 <= size <= MAX_PASSWORD:
        raise InvalidValue(f"the password has {size} bytes, 1 to {MAX_PASSWORD} allowed")
    return password
