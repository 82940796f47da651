"""Whose certificates a hub believes, and which no longer, as an operator sees and changes them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from coordinator.errors import InvalidValue, NotFound
from coordinator.fleet import Fleet
from coordinator.times import Timestamp, to_timestamp
from coordinator.trust import Authority, Revocation, Trust, revocation_to_line, serial_of
from gateway.admin import audit
from gateway.admin.hubs import find as find_hub
from gateway.errors import ProtocolError
from gateway.wire.certificates import (
    USER_KEY_BITS,
    Certificate,
    can_be_authority,
    read_certificate,
    user_key,
)


class KeyNotAcceptable(InvalidValue):
    """A certificate by whose key nothing can be proved here."""


@dataclass(frozen=True, slots=True)
class AuthorityReport:
    """An authority and what its certificate says."""

    number: int
    certificate: Certificate

    @property
    def ends(self) -> Timestamp:
        """Return until when its signatures count."""
        return to_timestamp(self.certificate.ends)


def trusted(fleet: Fleet, hub: str) -> Trust:
    """Return all of it as it is stored. Raises NotFound."""
    return fleet.rules.trust(find_hub(fleet, hub).name)


def authorities(fleet: Fleet, hub: str) -> Sequence[AuthorityReport]:
    """Return whose signatures a hub believes. Raises NotFound, InvalidValue (broken by hand)."""
    return [_report(authority) for authority in trusted(fleet, hub).authorities]


def authority(fleet: Fleet, hub: str, number: int) -> AuthorityReport:
    """Return one. Raises NotFound: the hub or the authority."""
    return _report(_authority(trusted(fleet, hub), number))


def add_authority(fleet: Fleet, hub: str, der: bytes, now: Timestamp) -> AuthorityReport:
    """Believe what the holder of a certificate signs; one that is there is not added again.

    Raises NotFound, TooMany, InvalidValue.
    """
    name = find_hub(fleet, hub).name
    certificate = read(der)
    if not can_be_authority(certificate):
        raise InvalidValue(
            f"the key of {certificate.subject} is neither RSA of 1024 to 8192 bits nor "
            "elliptic: its signatures cannot be checked"
        )
    made = fleet.rules.add_authority(name, Authority(der, str(certificate.subject)), now)
    audit.record(fleet, "ca add", hub=name, after=_told(made))
    return AuthorityReport(made.id, certificate)


def delete_authority(fleet: Fleet, hub: str, number: int, now: Timestamp) -> AuthorityReport:
    """Believe it no longer, and return it. Sessions go on. Raises NotFound."""
    name = find_hub(fleet, hub).name
    gone = _authority(trusted(fleet, name), number)
    fleet.rules.delete_authority(name, number, now)
    audit.record(fleet, "ca remove", hub=name, before=_told(gone))
    return _report(gone)


def revocation(fleet: Fleet, hub: str, number: int) -> Revocation:
    """Return one revocation. Raises NotFound: the hub or the revocation."""
    for found in trusted(fleet, hub).revocations:
        if found.id == number:
            return found
    raise NotFound("revoked certificate", str(number))


def add_revocation(fleet: Fleet, hub: str, wanted: Revocation, now: Timestamp) -> Revocation:
    """Refuse certificates that have all that is named. Raises NotFound, TooMany, InvalidValue."""
    name = find_hub(fleet, hub).name
    made = fleet.rules.add_revocation(name, _normal(wanted), now)
    audit.record(fleet, "revocation add", hub=name, after=_line(made))
    return made


def set_revocation(fleet: Fleet, hub: str, wanted: Revocation, now: Timestamp) -> Revocation:
    """Replace the revocation of that number. Raises NotFound, InvalidValue."""
    was = revocation(fleet, hub, wanted.id)
    name = find_hub(fleet, hub).name
    made = fleet.rules.set_revocation(name, _normal(wanted), now)
    audit.record(fleet, "revocation set", hub=name, before=_line(was), after=_line(made))
    return made


def delete_revocation(fleet: Fleet, hub: str, number: int, now: Timestamp) -> None:
    """Refuse them no longer. Raises NotFound."""
    gone = revocation(fleet, hub, number)
    name = find_hub(fleet, hub).name
    fleet.rules.delete_revocation(name, number, now)
    audit.record(fleet, "revocation delete", hub=name, before=_line(gone))


def read(der: bytes) -> Certificate:
    """Return a certificate that an operator gave. Raises InvalidValue."""
    try:
        return read_certificate(der)
    except ProtocolError as error:
        raise InvalidValue(f"certificate: {error}") from error


def digest_of(der: bytes) -> str:
    """Return the SHA-256 by which people compare certificates, hex."""
    return hashlib.sha256(der).hexdigest()


def subject_of(der: bytes) -> str:
    """Return whose a stored certificate is; `?` if somebody broke it by hand."""
    try:
        return str(read(der).subject)
    except InvalidValue:
        return "?"


def ends_of(der: bytes) -> Timestamp | None:
    """Return until when a stored certificate counts; None if somebody broke it by hand."""
    try:
        return to_timestamp(read(der).ends)
    except InvalidValue:
        return None


def check_user_certificate(der: bytes) -> Certificate:
    """Return a certificate that a user may have. Raises InvalidValue, KeyNotAcceptable."""
    certificate = read(der)
    if user_key(certificate) is None:
        sizes = ", ".join(str(bits) for bits in USER_KEY_BITS)
        raise KeyNotAcceptable(
            f"the key of {certificate.subject} is not RSA of {sizes} bits, as a login needs it"
        )
    return certificate


def _authority(held: Trust, number: int) -> Authority:
    for found in held.authorities:
        if found.id == number:
            return found
    raise NotFound("trusted certificate", str(number))


def _report(authority: Authority) -> AuthorityReport:
    return AuthorityReport(authority.id, read(authority.certificate))


def _normal(wanted: Revocation) -> Revocation:
    return replace(wanted, serial=serial_of(wanted.serial))


def _told(authority: Authority) -> dict[str, str]:
    """Return an authority as the audit tells it."""
    found = read(authority.certificate)
    return {f"authority {authority.id}": f"{found.subject} sha256={digest_of(found.der)}"}


def _line(revocation: Revocation) -> dict[str, str]:
    return {f"revocation {revocation.id}": revocation_to_line(revocation)}
