"""Users who log in by a certificate: theirs, or one that an authority of their hub signed.

Pure, and only such a login pays for it. The proof that the key is at hand is looked at before the
user is, so that an unknown user costs what a known one does; who holds the right certificate, but
one that has ended or was revoked, guesses nothing, and is not counted among those who do.

Source: the reference's `SamAuthUserByCert`. Two things are stricter here: an authority whose
certificate says that it may not sign is none, and signatures over MD5 are not believed.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from coordinator.model import AuthKind, User
from coordinator.times import Timestamp, from_timestamp
from coordinator.trust import NAMES, Authority, Revocation, Trust
from gateway.errors import ProtocolError, Refused
from gateway.wire.certificates import (
    Certificate,
    is_key_at_hand,
    is_signed_by,
    read_certificate,
)
from gateway.wire.codes import ErrorCode
from gateway.wire.login import CertificateProof

MOST_ASKED = 8  # authorities of the name of the one that is said to have signed


def check_certificate(
    user: User | None, proof: CertificateProof, random: bytes, now: Timestamp, trust: Trust
) -> None:
    """Return if `proof` is the user's. Raises Refused, for all it may be with one code."""
    moment = from_timestamp(now)
    try:
        shown = read_certificate(proof.cert_der)
    except ProtocolError as error:
        raise _refused(f"no certificate: {error}") from error
    if not is_key_at_hand(shown, random, proof.signature):
        raise _refused("the certificate's key did not sign, or is of no use")
    if user is None or not _is_his(user, shown, moment, trust):
        raise _refused(f"not a user's certificate: {shown.subject}")
    if not shown.is_valid_at(moment):
        text = f"user {user.name}: the certificate is of another time: until {shown.ends}"
        raise _refused(text, "certificate-expired")
    for revocation in trust.revocations:
        if is_revoked(shown, revocation):
            text = f"user {user.name}: the certificate is revoked, by number {revocation.id}"
            raise _refused(text, "certificate-revoked")


def is_revoked(shown: Certificate, revocation: Revocation) -> bool:
    """Say whether a certificate has all that a revocation names."""
    names = {name: getattr(revocation, name) for name in NAMES}
    return (
        revocation.serial in (b"", shown.serial)
        and (not revocation.md5 or revocation.md5 == shown.md5())
        and (not revocation.sha1 or revocation.sha1 == shown.sha1())
        and all(
            not wanted or _is_alike(getattr(shown.subject, name), wanted)
            for name, wanted in names.items()
        )
    )


def _is_his(user: User, shown: Certificate, moment: datetime, trust: Trust) -> bool:
    if user.auth is AuthKind.CERTIFICATE:
        return shown.der == user.certificate
    if user.auth is not AuthKind.SIGNED or user.serial not in (b"", shown.serial):
        return False
    if user.common_name and not _is_alike(shown.subject.common_name, user.common_name):
        return False
    if any(authority.certificate == shown.der for authority in trust.authorities):
        return True
    named = [one for one in _read(trust.authorities) if one.subject.is_like(shown.issuer)]
    valid = [one for one in named if one.is_valid_at(moment)]
    if any(is_signed_by(shown, one) for one in valid[:MOST_ASKED]):
        return True
    past = [one for one in named if one not in valid]
    if any(is_signed_by(shown, one) for one in past[:MOST_ASKED]):
        text = f"user {user.name}: the authority is of another time: {shown.issuer}"
        raise _refused(text, "certificate-expired")
    return False


def _read(authorities: tuple[Authority, ...]) -> Iterator[Certificate]:
    found = (_known(authority.certificate) for authority in authorities)
    return (one for one in found if one is not None)


# The same few are asked at every login; what strangers show is kept nowhere.
@lru_cache(maxsize=512)
def _known(der: bytes) -> Certificate | None:
    """Return an authority's certificate; None for what somebody broke by hand."""
    try:
        return read_certificate(der)
    except ProtocolError:
        return None


def _is_alike(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _refused(text: str, reason: str = "auth-failed") -> Refused:
    return Refused(ErrorCode.AUTH_FAILED, text, reason)
