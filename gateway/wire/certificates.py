"""Certificates that others show: read once, compared as the reference does, and nothing more.

They come from strangers at a login and from administrators of one hub, so whatever is in them ends
as a value or as Unreadable, and what may take long is bounded before it is begun: the size of the
certificate, the kind and size of the key, its exponent.

A login proves that its key is at hand by Hello's `random`, signed with RSA, PKCS#1 v1.5 and SHA-1
(`identity.py` has the other side). An authority signs as X.509 has it; the names of both need to
agree only in the six parts the reference knows, without regard to case.

Source: spec 3.1; the reference's `CheckXDate`, `CompareName`, `GetIssuerFromList`, `X509ToX`.
"""

import hashlib
import warnings
from dataclasses import astuple, dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA224, SHA256, SHA384, SHA512
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from gateway.errors import Malformed, ProtocolError
from gateway.wire.codes import MAX_CERTIFICATE
from gateway.wire.reader import at_most

USER_KEY_BITS = (1024, 1536, 2048, 3072, 4096)  # RSA; the reference refuses all others
AUTHORITY_KEY_BITS = range(1024, 8193)  # of an RSA key; the longest takes a millisecond
MAX_SHOWN = 255  # characters of one part of a name
MAX_EXPONENT_BITS = 64  # what is usual has 17; a long one takes a hundred times as long
# MD5 is not among them: two certificates with one digest are made in an afternoon.
_DIGESTS = (SHA1, SHA224, SHA256, SHA384, SHA512)
_PARTS = (
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.COUNTRY_NAME,
)
_SHORT = ("CN", "O", "OU", "S", "L", "C")


class Unreadable(Malformed):
    """Bytes that are no certificate, or one that nobody can work with."""


@dataclass(frozen=True, slots=True)
class Name:
    """Whose a certificate is, or who signed it: what the reference looks at, of each the first."""

    common_name: str = ""
    organization: str = ""
    unit: str = ""
    state: str = ""
    locality: str = ""
    country: str = ""

    def folded(self) -> tuple[str, ...]:
        """Return what is equal of two names that are the same, in whatever case."""
        return tuple(part.casefold() for part in astuple(self))

    def in_short(self) -> str:
        """Return `alice, Example Ltd, DE`, as the reference lists names."""
        return ", ".join(printable(part) for part in astuple(self) if part)

    def __str__(self) -> str:
        """Return `CN=alice, O=Example Ltd, C=DE`, as the reference's log has it."""
        parts = zip(_SHORT, astuple(self), strict=True)
        return ", ".join(f"{short}={printable(part)}" for short, part in parts if part)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, read. Nothing is said by it about whether to believe it."""

    der: bytes
    subject: Name
    issuer: Name
    serial: bytes
    """Without zeros in front; of zero one byte."""
    begins: datetime
    ends: datetime
    may_sign: bool
    """It does not say that it may not sign others."""
    parsed: x509.Certificate = field(repr=False, compare=False)

    def is_valid_at(self, moment: datetime) -> bool:
        """Say whether it has begun and not ended."""
        return self.begins < moment < self.ends

    def md5(self) -> bytes:
        """Return the digest by which lists of the reference name it."""
        return hashlib.md5(self.der, usedforsecurity=False).digest()

    def sha1(self) -> bytes:
        """Return the other one."""
        return hashlib.sha1(self.der, usedforsecurity=False).digest()


def read_certificate(der: bytes) -> Certificate:
    """Return the certificate in DER. Raises Unreadable, LimitExceeded."""
    at_most(MAX_CERTIFICATE, len(der))
    try:
        with warnings.catch_warnings():
            # Such as: a serial number of 0, which vpncmd gives what it makes.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return _read(der)
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion) as why:
        raise Unreadable(f"{len(der)} bytes are no certificate in DER: {_line(why)}") from None


def _read(der: bytes) -> Certificate:
    parsed = x509.load_der_x509_certificate(der)
    number = abs(parsed.serial_number)
    return Certificate(
        der=der,
        subject=_name(parsed.subject),
        issuer=_name(parsed.issuer),
        serial=number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big"),
        begins=parsed.not_valid_before_utc,
        ends=parsed.not_valid_after_utc,
        may_sign=_may_sign(parsed),
        parsed=parsed,
    )


def user_key(certificate: Certificate) -> RSAPublicKey | None:
    """Return the key a user may prove himself by; None if it is of another kind or size."""
    key = _key(certificate)
    if not isinstance(key, RSAPublicKey) or key.key_size not in USER_KEY_BITS:
        return None
    return key if _is_quick(key) else None


def is_key_at_hand(certificate: Certificate, random: bytes, signature: bytes) -> bool:
    """Say whether whoever was shown `random` has the certificate's key."""
    key = user_key(certificate)
    if key is None or len(signature) != key.key_size // 8:
        return False
    try:
        key.verify(signature, random, PKCS1v15(), SHA1())
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def can_be_authority(certificate: Certificate) -> bool:
    """Say whether a signature by the certificate's key can be checked, and within reason."""
    return _authority_key(certificate) is not None


def is_signed_by(certificate: Certificate, authority: Certificate) -> bool:
    """Say whether `authority`, of the name that `certificate` says, signed it."""
    if not authority.may_sign or certificate.issuer.folded() != authority.subject.folded():
        return False
    key, signed = _authority_key(authority), certificate.parsed
    try:
        how, digest = signed.signature_algorithm_parameters, signed.signature_hash_algorithm
        signature, content = signed.signature, signed.tbs_certificate_bytes
        match key, how:
            case Ed25519PublicKey(), None:
                key.verify(signature, content)
            case RSAPublicKey(), PKCS1v15() | PSS() if isinstance(digest, _DIGESTS):
                key.verify(signature, content, how, digest)
            case EllipticCurvePublicKey(), ECDSA() if isinstance(digest, _DIGESTS):
                key.verify(signature, content, how)
            case _:
                return False
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def describe(der: bytes) -> str:
    """Return a certificate in one line, as the reference's log does; empty if it is none."""
    try:
        found = read_certificate(der)
    except ProtocolError:
        return ""
    serial, md5, sha1 = (text.hex().upper() for text in (found.serial, found.md5(), found.sha1()))
    return f'{found.subject}, SERIAL="{serial}" (Digest: MD5="{md5}", SHA1="{sha1}")'


def printable(text: str) -> str:
    """Return a text of a stranger's as it may stand in a table or a log."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_SHOWN])


def _name(name: x509.Name) -> Name:
    return Name(*(_part(name, oid) for oid in _PARTS))


def _part(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    value = found[0].value if found else ""
    return value if isinstance(value, str) else value.decode("latin-1")


def _may_sign(parsed: x509.Certificate) -> bool:
    """Old roots say nothing about it."""
    try:
        return parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False


def _key(certificate: Certificate) -> object:
    try:
        return certificate.parsed.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _authority_key(
    certificate: Certificate,
) -> RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | None:
    key = _key(certificate)
    if isinstance(key, EllipticCurvePublicKey | Ed25519PublicKey):
        return key
    if isinstance(key, RSAPublicKey) and key.key_size in AUTHORITY_KEY_BITS and _is_quick(key):
        return key
    return None


def _is_quick(key: RSAPublicKey) -> bool:
    return key.public_numbers().e.bit_length() <= MAX_EXPONENT_BITS


def _line(error: Exception) -> str:
    """Return the first line of what a library says, not all of its opinion."""
    return printable(str(error).partition("\n")[0])
