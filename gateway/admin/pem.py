"""Certificates and keys between the form tools send, DER, and the one we keep, PEM."""

from base64 import b64decode

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from coordinator.errors import InvalidValue

PEM_BEGIN, PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


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


def one_certificate(raw: bytes, what: str) -> bytes:
    """Return the one certificate of a file, PEM or DER, in DER; `what` names the file.

    Raises InvalidValue, also for several: which one is meant nobody says.
    """
    if PEM_BEGIN not in raw:
        try:
            x509.load_der_x509_certificate(raw)
        except ValueError:
            raise InvalidValue(f"{what} holds no certificate in PEM or DER") from None
        return raw
    if (count := raw.count(PEM_BEGIN)) > 1:
        raise InvalidValue(f"{what} holds {count} certificates; give a file with the one")
    _, _, rest = raw.partition(PEM_BEGIN)
    body, end, _ = rest.partition(PEM_END)
    try:
        if not end:
            raise ValueError("no end")
        return b64decode(b"".join(body.split()), validate=True)
    except ValueError:
        raise InvalidValue(f"{what} holds a certificate that is broken") from None


def key_to_pem(der: bytes) -> str:
    """Return a private key in PEM, without a password. Raises InvalidValue."""
    try:
        key = load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidValue(f"{len(der)} bytes are no private key in DER: {error}") from error
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode()
