"""Users who log in by a certificate: theirs, or one that an authority of their hub signed.

Pure, and only such a login pays for it. The proof that the key is at hand is looked at before the
user is, so that an unknown user costs what a known one does; who holds the right certificate, but
one that has ended or was revoked, guesses nothing, and is not counted among those who do.

Source: the reference's `SamAuthUserByCert`. Two things are stricter here: an authority whose
certificate says that it may not sign is none, and signatures over MD5 are not believed.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from coordinator.model import AuthKind, User
from coordinator.times import Timestamp, from_timestamp
from coordinator.trust import NAMES, Revocation, Trust
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


class _Listed(NamedTuple):
    """An authority by its name."""

    name: tuple[str, ...]
    certificate: Certificate


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
    revocation = revoked_by(shown, trust.revocations)
    if revocation is not None:
        text = f"user {user.name}: the certificate is revoked, by number {revocation.id}"
        raise _refused(text, "certificate-revoked")


def revoked_by(shown: Certificate, revocations: Sequence[Revocation]) -> Revocation | None:
    """Return the first revocation of which a certificate has all that it names; None: none is.

    There may be thousands: what differs in a number is passed over at once.
    """
    md5, sha1 = shown.md5(), shown.sha1()
    names = {name: _folded(getattr(shown.subject, name)) for name in NAMES}
    for revocation in revocations:
        if revocation.serial not in (b"", shown.serial):
            continue
        if revocation.sha1 not in (b"", sha1) or revocation.md5 not in (b"", md5):
            continue
        for name, said in names.items():
            wanted = getattr(revocation, name)
            if wanted and _folded(wanted) != said:
                break
        else:
            return revocation
    return None


def _is_his(user: User, shown: Certificate, moment: datetime, trust: Trust) -> bool:
    if user.auth is AuthKind.CERTIFICATE:
        return shown.der == user.certificate
    if user.auth is not AuthKind.SIGNED or user.serial not in (b"", shown.serial):
        return False
    if _folded(user.common_name) not in ("", _folded(shown.subject.common_name)):
        return False
    if any(authority.certificate == shown.der for authority in trust.authorities):
        return True
    issuer = shown.issuer.folded()
    known = (_known(authority.certificate) for authority in trust.authorities)
    named = [one.certificate for one in known if one is not None and one.name == issuer]
    valid = [one for one in named if one.is_valid_at(moment)]
    if any(is_signed_by(shown, one) for one in valid[:MOST_ASKED]):
        return True
    past = [one for one in named if one not in valid]
    if any(is_signed_by(shown, one) for one in past[:MOST_ASKED]):
        text = f"user {user.name}: the authority is of another time: {shown.issuer}"
        raise _refused(text, "certificate-expired")
    return False


# The same few are asked at every login; what strangers show is kept nowhere.
@lru_cache(maxsize=512)
def _known(der: bytes) -> _Listed | None:
    """Return an authority as it is looked for; None for what somebody broke by hand."""
    try:
        found = read_certificate(der)
    except ProtocolError:
        return None
    return _Listed(found.subject.folded(), found)


def _folded(text: str) -> str:
    return text.strip().casefold()


def _refused(text: str, reason: str = "auth-failed") -> Refused:
    return Refused(ErrorCode.AUTH_FAILED, text, reason)
