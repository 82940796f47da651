"""An identity: a certificate and its private key, by which a login proves who it is.

Source: spec 3.1. The proof is the server's random signed with RSA, PKCS#1 v1.5 and SHA-1, so the
key has to be RSA.
"""

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from gateway.errors import ConfigError

MAX_BITS = 4096  # the signature is at most 512 bytes on the wire


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate in DER and its key."""

    certificate_der: bytes
    key: RSAPrivateKey = field(repr=False)

    def sign(self, random: bytes) -> bytes:
        """Return the proof for a server that showed `random`."""
        return self.key.sign(random, PKCS1v15(), SHA1())


def read_identity(certificate_pem: str, key_pem: str) -> Identity:
    """Return the identity in two PEM texts. Raises ConfigError for what cannot prove anything."""
    certificate = _read_certificate(certificate_pem)
    try:
        key = load_pem_private_key(key_pem.encode(), None)
    except TypeError as error:
        raise ConfigError("the private key is locked by a password; give it without") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"the private key is not one in PEM: {error}") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size > MAX_BITS:
        raise ConfigError(f"the private key is not RSA of at most {MAX_BITS} bits")
    if certificate.public_key() != key.public_key():
        raise ConfigError("the certificate and the private key do not belong together")
    return Identity(certificate.public_bytes(Encoding.DER), key)


def certificate_der(certificate_pem: str) -> bytes:
    """Return the (first) certificate of a PEM text in DER. Raises ConfigError."""
    return _read_certificate(certificate_pem).public_bytes(Encoding.DER)


def _read_certificate(certificate_pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate_pem.encode())
    except ValueError as error:
        raise ConfigError(f"the certificate is not one in PEM: {error}") from error
