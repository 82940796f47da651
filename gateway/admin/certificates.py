"""How long the fleet's certificate lasts."""

from cryptography import x509

from coordinator.times import Timestamp, from_timestamp


def days_left(pem: str, now: Timestamp) -> int | None:
    """Return whole days until a certificate ends, below 0 after it; None if it cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return None
    return (certificate.not_valid_after_utc - from_timestamp(now)).days
