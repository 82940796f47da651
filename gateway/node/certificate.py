"""The fleet's certificate: one for all gateways, because a session is resumed only where the very
certificate of its first connection is shown (spec 5.6)."""

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.errors import ConfigError

LIFETIME = datetime.timedelta(days=3650)


def make(common_name: str, now: datetime.datetime) -> tuple[str, str]:
    """Return (certificate, private key) in PEM: self-signed, P-256, valid for ten years.

    An elliptic curve halves the cost of a handshake against RSA; stock clients accept both.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def from_files(certificate_file: str, private_key_file: str) -> tuple[str, str]:
    """Return (certificate chain, private key) in PEM. Raises ConfigError naming the file."""
    texts = []
    for name in (certificate_file, private_key_file):
        try:
            texts.append(Path(name).read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read {name} as PEM: {error}") from error
    return texts[0], texts[1]


def fingerprint(certificate_pem: str) -> str:
    """Return the SHA-256 of the leaf in DER, as hex: what `etherfleet connect --pin` takes."""
    leaf = x509.load_pem_x509_certificate(certificate_pem.encode())
    return leaf.fingerprint(hashes.SHA256()).hex()


def leaf_der(certificate_pem: str) -> bytes:
    """Return the first certificate of a chain in DER: what a redirect names."""
    return ssl.PEM_cert_to_DER_cert(certificate_pem[: certificate_pem.index("-----END") + 25])
