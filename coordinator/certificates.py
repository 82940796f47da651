"""The fleet's certificate. A stock client that comes back ends its session if it sees another.

It is kept in the store where nobody gave one: made once by whichever node needs it first, the
private key sealed, until an administrator gives another. Making it is the gateway's business.
"""

from coordinator.model import FleetCertificate
from coordinator.records import unflat
from coordinator.seal import Sealer, context_of
from coordinator.store import Store
from coordinator.times import Timestamp


class Certificates:
    """The certificate in the store. Raises StoreUnavailable, SealBroken from every method."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._key = store.keys.tls()
        self._context = context_of(self._key, "private_key")

    def get(self) -> FleetCertificate | None:
        """Return the certificate; None while there is none."""
        fields = self._store.fields(self._key)
        return self._read(fields) if fields else None

    def get_or_create(self, candidate: FleetCertificate, now: Timestamp) -> FleetCertificate:
        """Return the certificate there is; `candidate` becomes it if there is none."""
        fields: list[str | int] = [*self._fields(candidate), "created", now]
        return self._read(unflat(self._store.step("create_once", [self._key], fields)[1:]))

    def set(self, certificate: FleetCertificate, now: Timestamp) -> None:
        """Put `certificate` in the place of the former; nodes follow within a second or so."""
        fields: list[str | int] = [*self._fields(certificate), "created", now]
        self._store.step(
            "certificate_set", [self._key, self._store.keys.directory_version()], fields
        )

    def _fields(self, certificate: FleetCertificate) -> tuple[str, str, str, str]:
        sealed = self._sealer.seal(certificate.key_pem.encode(), self._context)
        return "certificate", certificate.cert_pem, "private_key", sealed

    def _read(self, fields: dict[str, str]) -> FleetCertificate:
        key_pem = self._sealer.open(fields["private_key"], self._context)
        return FleetCertificate(fields["certificate"], key_pem.decode())
