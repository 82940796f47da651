"""Authorities, certificates of users, and the proof that the key is there, too."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.wire.login import CertificateProof
from tests.identities import pem

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=36500)
_OIDS = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "C": NameOID.COUNTRY_NAME,
}
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return pem(self.key)

    def proof(self, random: bytes) -> CertificateProof:
        """Return what a client answers to `random` with."""
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return CertificateProof(self.der, self.key.sign(random, PKCS1v15(), SHA1()))


@cache
def rsa_key(bits: int = 2048, which: int = 0) -> rsa.RSAPrivateKey:
    """Return a key, the same for the same `which`: making one takes a while."""
    return rsa.generate_private_key(65537, bits)


def name(**parts: str) -> x509.Name:
    """Return a name, `name(CN="alice", O="Example")`."""
    return x509.Name([x509.NameAttribute(_OIDS[part], text) for part, text in parts.items()])


def issue(
    subject: x509.Name,
    by: Holder | None = None,
    *,
    key: Key | None = None,
    serial: int = 7,
    begin: datetime = BEGIN,
    end: datetime = END,
    may_sign: bool | None = None,
    digest: HashAlgorithm | None = None,
    issuer: x509.Name | None = None,
) -> Holder:
    """Return a certificate signed `by` somebody, or by its own key."""
    own = key or rsa_key()
    said = by.certificate.subject if by is not None else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer if issuer is not None else said)
        .public_key(own.public_key())
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if may_sign is not None:
        builder = builder.add_extension(x509.BasicConstraints(may_sign, None), critical=True)
    signer = by.key if by is not None else own
    return Holder(builder.sign(signer, digest or SHA256()), own)  # type: ignore[arg-type]  # all we give are known
