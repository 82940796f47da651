"""Certificates and keys between the form tools send, DER, and the one we keep, PEM."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from coordinator.errors import InvalidValue


def certificate_to_pem(der: bytes) -> str:
    """Return a certificate in PEM. Raises InvalidValue."""
    try:
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
    except ValueError as error:
        raise InvalidValue(f"{len(der)} bytes are no certificate in DER: {error}") from error


def certificate_to_der(pem: str) -> bytes:
    """Return the first certificate of a PEM text in DER. Raises InvalidValue."""
    try:
        return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    except ValueError as error:
        raise InvalidValue(f"no certificate in PEM: {error}") from error


def key_to_pem(der: bytes) -> str:
    """Return a private key in PEM, without a password. Raises InvalidValue."""
    try:
        key = load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidValue(f"{len(der)} bytes are no private key in DER: {error}") from error
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode()
