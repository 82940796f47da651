"""The fleet's certificate, as an operator sees and replaces it."""

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from coordinator.fleet import Fleet
from coordinator.model import FleetCertificate
from coordinator.times import Timestamp, from_timestamp
from gateway.admin import audit


def days_left_of(der: bytes, now: Timestamp) -> int | None:
    """Return the same of a certificate in DER."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    return (certificate.not_valid_after_utc - from_timestamp(now)).days


def days_left(pem: str, now: Timestamp) -> int | None:
    """Return whole days until a certificate ends, below 0 after it; None if it cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return None
    return (certificate.not_valid_after_utc - from_timestamp(now)).days


def replace(fleet: Fleet, made: FleetCertificate, now: Timestamp) -> None:
    """Have every gateway show another one; those whose settings name theirs go on showing that.

    Clients that come back to a session log in anew then, and pins of the former no longer fit.
    """
    was = fleet.certificates.get()
    fleet.certificates.set(made, now)
    before = {"sha256": _fingerprint(was.cert_pem)} if was is not None else {}
    after = {"sha256": _fingerprint(made.cert_pem)}
    audit.record(fleet, "certificate set", before=before, after=after)


def _fingerprint(pem: str) -> str:
    """Return the SHA-256 of a certificate; one that cannot be read can still be replaced."""
    try:
        return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
    except ValueError:
        return "unreadable"
