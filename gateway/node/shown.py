"""The certificate this node shows: the one its settings name, or the fleet's from the store.

The fleet's may be replaced while nodes run: each looks when the directory has changed, and shows
the new one to whoever connects from then on. Connections that stand stay; a stock client that comes
back to its session and sees another certificate than before logs in anew.
"""

from datetime import UTC, datetime
from typing import Self

import structlog

from coordinator.certificates import Certificates
from coordinator.errors import SealBroken
from coordinator.model import FleetCertificate
from coordinator.times import utc_now
from gateway import config
from gateway.node import certificate
from gateway.transport.contexts import server_context

log = structlog.get_logger()


class Shown:
    """What is shown now. Whoever needs it reads it here each time."""

    def __init__(self, certificate_pem: str, private_key_pem: str, *, is_fixed: bool) -> None:
        """`is_fixed`: by the settings. Raises OSError (of OpenSSL), ValueError."""
        self.is_fixed = is_fixed
        self._version = -1
        self.show(certificate_pem, private_key_pem)

    @classmethod
    def at_first(cls, settings: config.Fleet, certificates: Certificates) -> Self:
        """Return what a node begins with: the one in the files named, else the store's, made once.

        Raises ConfigError for the files, CoordinatorError."""
        if settings.certificate_file:
            files = settings.certificate_file, settings.private_key_file
            return cls(*certificate.from_files(*files), is_fixed=True)
        found = certificates.get()
        if found is None:
            made = certificate.make(f"{settings.name}.etherfleet", datetime.now(UTC))
            found = certificates.get_or_create(FleetCertificate(*made), utc_now())
        return cls(found.cert_pem, found.key_pem, is_fixed=False)

    def show(self, certificate_pem: str, private_key_pem: str) -> None:
        """Show this one from now on. Raises OSError (of OpenSSL), ValueError; then nothing
        changes."""
        context = server_context(certificate_pem, private_key_pem)
        fingerprint = certificate.fingerprint(certificate_pem)
        self.der = certificate.leaf_der(certificate_pem)
        self.pem, self.fingerprint, self.context = certificate_pem, fingerprint, context

    def ciphers(self) -> list[str]:
        """Return the cipher suites that are offered, the best first. Those with a secret or a
        password in place of a certificate are nobody's: there is none."""
        names = [cipher["name"] for cipher in self.context.get_ciphers()]
        return [name for name in names if "PSK" not in name and "SRP" not in name]

    def learn(self, version: int, certificates: Certificates) -> None:
        """Show what is in the store if the directory has another version. Raises StoreError."""
        if self.is_fixed or version == self._version:
            return
        try:
            found = certificates.get()
            if found is not None and found.cert_pem != self.pem:
                self.show(found.cert_pem, found.key_pem)
                log.info("another certificate is shown", certificate=self.fingerprint)
        except (SealBroken, OSError, ValueError) as error:  # the one before goes on
            log.error("the fleet's certificate cannot be shown", why=str(error))
        self._version = version


def why_not(certificate_pem: str, private_key_pem: str) -> str:
    """Return why these two cannot be shown; empty: they can."""
    try:
        Shown(certificate_pem, private_key_pem, is_fixed=True)
    except (OSError, ValueError) as error:
        return str(error)
    return ""
