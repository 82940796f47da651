"""Admission: may this login in, and on which terms? Pure: records and a login in, a session out.

The order is the reference's (clustering-semantics 5.1): hub, user, expiry, proof, policy. Unknown
user and wrong password are one answer and one effort, so a stranger learns nothing of who exists.
"""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from coordinator.model import AuthKind, Hub, NewSession, User
from coordinator.times import Timestamp
from coordinator.trust import NO_TRUST, Trust
from gateway.errors import Refused
from gateway.node.certified import check_certificate
from gateway.wire.auth import secure_password, user_password_hash
from gateway.wire.codes import MAX_CONNECTIONS, ErrorCode
from gateway.wire.login import (
    Anonymous,
    CertificateProof,
    Login,
    PlainPassword,
    SecurePassword,
    TicketProof,
)
from gateway.wire.policy import WIRE_NAMES, Policy

OWN_CLIENT = "EtherFleet"
# Our own client goes elsewhere at once when it hears nothing; stock clients wait and log in anew.
OWN_TIMEOUT_MS = 5000
_DEFAULT = Policy(no_bridge=False, no_routing=False)
_FIELDS = {wire: field for field, wire in WIRE_NAMES.items()}
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 5, 60  # of the policy TimeOut, as at the reference
_NOBODY = bytes(20)  # compared against when there is no such user


def check_hub(hub: Hub | None, name: str) -> Hub:
    """Return the hub. Raises Refused when it does not exist or is offline."""
    if hub is None:
        raise Refused(ErrorCode.HUB_NOT_FOUND, f"no hub {name!r}", "unknown-hub")
    if not hub.online:
        raise Refused(ErrorCode.HUB_STOPPING, f"hub {hub.name} is offline", "hub-offline")
    return hub


def check_user(
    user: User | None, login: Login, random: bytes, now: Timestamp, trust: Trust = NO_TRUST
) -> User:
    """Return the user `login` proves to be; `random` is the nonce of its hello, `trust` of the hub.

    Raises Refused: unknown user, wrong proof and an expired account look alike to the client.
    """
    if isinstance(login.credential, TicketProof):
        raise Refused(ErrorCode.AUTH_FAILED, "ticket unknown or used", "bad-ticket")
    if not _is_proven(user, login, random, now, trust):
        raise Refused(
            ErrorCode.AUTH_FAILED, f"wrong user or password for {login.user!r}", "auth-failed"
        )
    assert user is not None, "nobody proves to be nobody"
    if user.is_expired(now):
        raise Refused(ErrorCode.AUTH_FAILED, f"user {user.name} has expired", "user-expired")
    return user


def _is_proven(
    user: User | None, login: Login, random: bytes, now: Timestamp, trust: Trust
) -> bool:
    if user is not None and user.auth == AuthKind.ANONYMOUS:
        return True  # as the reference does: any credential passes
    stored = user.secret if user is not None and user.secret is not None else _NOBODY
    match login.credential:
        case SecurePassword(proof):
            expected = secure_password(stored, random)
        case PlainPassword(password):
            expected, proof = stored, user_password_hash(password, login.user)
        case CertificateProof() as shown:
            check_certificate(user, shown, random, now, trust)
            return True
        case Anonymous() | TicketProof():
            return False
    known = user is not None and user.secret is not None
    return hmac.compare_digest(expected, proof) and known


def settle(
    login: Login,
    hub: Hub,
    user: User,
    *,
    node: str,
    address: str,
    timeout_ms: int,
    inc: int = 0,
    hub_epoch: int = 0,
) -> NewSession:
    """Return the session that `login` of `user` gets; `address` is where the client came from.

    `inc` and `hub_epoch`: under which `node` has the hub, if that is known yet.

    A session that is not in bridge mode is told NoBridge and NoRouting, as by the reference (spec
    9). Raises Refused when the policy forbids access or the mode asked for.
    """
    policy = read_policy_settings(user.policy)
    if not policy.access:
        raise Refused(ErrorCode.ACCESS_DENIED, f"user {user.name} may not log in", "no-access")
    if login.require_monitor and not policy.monitor_port:
        raise Refused(
            ErrorCode.MONITOR_MODE_DENIED, f"user {user.name} may not monitor", "monitor-denied"
        )
    bridge = not login.require_monitor and (
        login.require_bridge_routing or _announces_bridge(login.client_name)
    )
    if bridge and policy.no_bridge and policy.no_routing:
        raise Refused(
            ErrorCode.BRIDGE_MODE_DENIED, f"user {user.name} may not bridge", "bridge-denied"
        )
    if not bridge:
        policy = _without_bridging(policy)
    timeout_ms = _timeout_ms(policy, timeout_ms)
    wanted = max(1, min(login.max_connection, policy.max_connection or MAX_CONNECTIONS))
    if login.half_connection:
        wanted = max(2, wanted)
    return NewSession(
        hub=hub.name,
        user=user.name,
        node=node,
        address=address,
        client_name=login.client_name,
        client_version=login.client_version,
        client_build=login.client_build,
        host_name=login.host_name,
        unique_id=login.unique_id,
        policy=write_policy_settings(policy),
        max_connection=min(wanted, MAX_CONNECTIONS),
        timeout_ms=min(timeout_ms, OWN_TIMEOUT_MS) if _is_ours(login) else timeout_ms,
        use_compress=login.use_compress,
        half_connection=login.half_connection,
        bridge=bridge,
        monitor=login.require_monitor,
        group=user.group,
        inc=inc,
        hub_epoch=hub_epoch,
    )


def read_policy_settings(settings: Mapping[str, int]) -> Policy:
    """Return the policy stored by its names on the wire; what is absent is the default.

    The default of a user lets bridges in; `settle` takes that back for a plain client.
    """
    return _policy_of(frozenset(settings.items()))


# Policies are few and logins many: each is made and written once. They are values, so shared.
@lru_cache(maxsize=1024)
def _policy_of(settings: frozenset[tuple[str, int]]) -> Policy:
    known = {_FIELDS[wire]: number for wire, number in settings if wire in _FIELDS}
    return replace(
        _DEFAULT, **{field: type(getattr(_DEFAULT, field))(n) for field, n in known.items()}
    )


@lru_cache(maxsize=1024)
def _without_bridging(policy: Policy) -> Policy:
    return replace(policy, no_bridge=True, no_routing=True)


@lru_cache(maxsize=1024)
def write_policy_settings(policy: Policy) -> Mapping[str, int]:
    """Return what differs from the default, by the names on the wire; not to be changed."""
    return {
        wire: int(getattr(policy, field))
        for field, wire in WIRE_NAMES.items()
        if getattr(policy, field) != getattr(_DEFAULT, field)
    }


def _timeout_ms(policy: Policy, of_fleet: int) -> int:
    """Return the time-out of a session: the policy's, if it says one, within what clients take."""
    if policy.time_out in (0, Policy().time_out):
        return of_fleet
    return min(max(policy.time_out, MIN_TIMEOUT_S), MAX_TIMEOUT_S) * 1000


def _is_ours(login: Login) -> bool:
    return login.client_name.startswith(OWN_CLIENT)


def _announces_bridge(client_name: str) -> bool:
    """Spec 9: a client that calls itself server or bridge is one."""
    name = client_name.lower()
    return "server" in name or "bridge" in name
