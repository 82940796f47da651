"""Whose certificates a hub believes: authorities, and which of what they signed no longer.

Both matter to users who log in by a certificate and to nobody else. Certificates are no secret and
are stored as they are. A revocation names what a certificate must have to be refused: all that is
given in it, and at least one thing; names are compared without regard to case. Source: the
reference's `IsCertMatchCrl`.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass, replace

from coordinator.bounds import check_size, check_text
from coordinator.errors import InvalidValue
from coordinator.model import AuthKind, User
from coordinator.words import from_line, to_line

MAX_AUTHORITIES = 128  # of one hub; all are read where somebody logs in by what they signed
MAX_REVOCATIONS = 4096  # of one hub, the reference's
MAX_CERTIFICATE = 8192  # bytes in DER
MAX_TEXT = 255  # bytes of one name
MAX_SERIAL = 64  # bytes; X.509 allows 20
MD5_SIZE, SHA1_SIZE = 16, 20

NAMES = ("common_name", "organization", "unit", "country", "state", "locality")
"""Those parts of a subject that revocations, and the reference, know."""

DIGITS = ("serial", "md5", "sha1")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate whose holder may sign certificates of users."""

    certificate: bytes
    """In DER."""
    subject: str = ""
    """Whose it is, for people who look into the store."""
    id: int = 0
    """Given by the store. 0: new."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a certificate has that is not to be believed; what is empty does not matter."""

    serial: bytes = b""
    """Without zeros in front, see `serial_of`."""
    md5: bytes = b""
    """Digest of the whole certificate, 16 bytes."""
    sha1: bytes = b""
    """Digest of the whole certificate, 20 bytes."""
    common_name: str = ""
    organization: str = ""
    unit: str = ""
    country: str = ""
    state: str = ""
    locality: str = ""
    id: int = 0
    """Given by the store. 0: new."""


@dataclass(frozen=True, slots=True)
class Trust:
    """All of it, of one hub."""

    authorities: tuple[Authority, ...] = ()
    revocations: tuple[Revocation, ...] = ()


NO_TRUST = Trust()


def serial_of(given: bytes) -> bytes:
    """Return a serial number as it is compared: without zeros in front, of zero one byte."""
    return (given.lstrip(b"\0") or b"\0") if given else b""


def check_serial(serial: bytes) -> bytes:
    """Return a serial number as it is stored; raises InvalidValue."""
    check_size("serial number", len(serial), MAX_SERIAL)
    return serial_of(serial)


def check_user_proof(user: User) -> User:
    """Return `user` as he is stored, what he proves himself by checked; raises InvalidValue."""
    check_size("certificate", len(user.certificate), MAX_CERTIFICATE)
    check_text("common name", user.common_name, MAX_TEXT)
    if bool(user.certificate) is not (user.auth is AuthKind.CERTIFICATE):
        missing = "no certificate" if user.certificate else "a certificate"
        raise InvalidValue(f"user {user.name!r}: authentication by {user.auth} needs {missing}")
    if (user.common_name or user.serial) and user.auth is not AuthKind.SIGNED:
        raise InvalidValue(f"user {user.name!r}: {user.auth} asks for no name or serial number")
    return replace(user, serial=check_serial(user.serial))


def check_authority(authority: Authority) -> Authority:
    """Return `authority`; raises InvalidValue."""
    if not 1 <= len(authority.certificate) <= MAX_CERTIFICATE:
        size = len(authority.certificate)
        raise InvalidValue(f"certificate: {size} bytes, 1 to {MAX_CERTIFICATE} allowed")
    return authority


def check_revocation(revocation: Revocation) -> Revocation:
    """Return `revocation`; raises InvalidValue: also for one that would revoke everything."""
    check_serial(revocation.serial)
    for what, digest, size in (
        ("MD5", revocation.md5, MD5_SIZE),
        ("SHA-1", revocation.sha1, SHA1_SIZE),
    ):
        if len(digest) not in (0, size):
            raise InvalidValue(f"{what} digest: {len(digest)} bytes, {size} wanted")
    for name in NAMES:
        text = check_text(name, getattr(revocation, name), MAX_TEXT)
        if text != text.strip():
            raise InvalidValue(f"{name} {text!r}: no space at either end")
    if not _words(revocation):
        raise InvalidValue("a revocation without a name, serial number or digest is of everything")
    return revocation


def authority_to_line(authority: Authority) -> str:
    """The id is the field's."""
    encoded = b64encode(authority.certificate).decode()
    return to_line({"subject": authority.subject, "certificate": encoded})


def authority_from_line(authority_id: int, line: str) -> Authority:
    """Return the authority. Raises InvalidValue."""
    try:
        words = from_line(line)
        certificate = b64decode(words["certificate"], validate=True)
        return Authority(certificate, words.get("subject", ""), authority_id)
    except (KeyError, ValueError, InvalidValue) as error:
        raise InvalidValue(f"authority {authority_id}: {error}") from None


def revocation_to_line(revocation: Revocation) -> str:
    """The id is the field's."""
    return to_line(_words(revocation))


def revocation_from_line(revocation_id: int, line: str) -> Revocation:
    """Return the revocation. Raises InvalidValue."""
    try:
        words = from_line(line)
        serial, md5, sha1 = (bytes.fromhex(words.get(name, "")) for name in DIGITS)
        names = {name: words.get(name, "") for name in NAMES}
        return check_revocation(Revocation(serial, md5, sha1, **names, id=revocation_id))
    except (ValueError, InvalidValue) as error:
        raise InvalidValue(f"revocation {revocation_id} {line!r}: {error}") from None


def _words(revocation: Revocation) -> dict[str, str]:
    names = {name: getattr(revocation, name) for name in NAMES}
    digits = {name: getattr(revocation, name).hex() for name in DIGITS}
    return {name: text for name, text in (names | digits).items() if text}
