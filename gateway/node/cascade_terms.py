"""What a cascade's configuration means to our client library, and its failures to an operator."""

import hashlib
import ssl

from coordinator.cascade import Cascade, CascadeAuth, CascadeTrust
from coordinator.names import fold
from gateway.client.account import Account
from gateway.client.dial import CannotConnect, CertificateRejected, Trust, is_final
from gateway.client.resolve import Target, Unresolvable
from gateway.errors import ConfigError, EtherFleetError, ProtocolError, Refused
from gateway.transport.contexts import client_context
from gateway.transport.opening import PeerGone, TooSlow
from gateway.wire.codes import ErrorCode, describe
from gateway.wire.identity import read_identity


def target_of(cascade: Cascade) -> Target:
    """Return where it leads."""
    return Target(cascade.host, cascade.tcp_port)


def account_of(cascade: Cascade, fleet: str) -> Account:
    """Return who logs in there; `fleet` is the fleet's id. Raises ConfigError.

    The machine it names is the cascade itself, wherever it runs: to a fleet like ours a login from
    the next owner replaces the session of the one before, and counts as none besides it.
    """
    place = "\0".join(("cascade", fleet, fold(cascade.hub), fold(cascade.name)))
    secret = cascade.secret or b""
    has = cascade.auth
    return Account(
        hub=cascade.target_hub,
        user=cascade.user,
        password_hash=secret if has is CascadeAuth.PASSWORD else None,
        plain_password=secret.decode() if has is CascadeAuth.PLAIN_PASSWORD else None,
        identity=(
            read_identity(cascade.certificate, secret.decode())
            if has is CascadeAuth.CERTIFICATE
            else None
        ),
        max_connection=cascade.max_connection,
        use_compress=cascade.use_compress,
        half_connection=cascade.half_connection,
        bridge=True,
        unique_id=hashlib.sha1(place.encode(), usedforsecurity=False).digest(),
    )


def trust_of(cascade: Cascade) -> Trust:
    """Return which certificate is believed there. Raises ConfigError."""
    if cascade.trust is not CascadeTrust.AUTHORITIES:
        return Trust(client_context(), cascade.pin)
    try:
        return Trust(client_context(verify=True, ca_pem=cascade.authorities), check_name=True)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"cannot use the authorities' certificates: {error}") from error


def is_lasting(error: EtherFleetError) -> bool:
    """Say whether somebody has to mend something first."""
    return is_final(error) or isinstance(error, ConfigError)


def code_of(error: EtherFleetError) -> int:
    """Return a failure as the number stock tools know it by. Source: spec 3.4."""
    match error:
        case Refused(code=code):
            return code
        case CertificateRejected():
            return ErrorCode.CERTIFICATE_NOT_TRUSTED
        case CannotConnect() | Unresolvable():
            return ErrorCode.CONNECT_FAILED
        case PeerGone() | TooSlow():
            return ErrorCode.DISCONNECTED
        case ProtocolError():
            return error.code
    return ErrorCode.INTERNAL_ERROR


def line_of(error: EtherFleetError) -> str:
    """Return a failure as one line."""
    text = " ".join(str(error).split())
    if isinstance(error, Refused) and describe(error.code) not in text:
        text = f"{text}: {describe(error.code)}"
    return text[:500]
