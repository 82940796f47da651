"""An account: who logs in where, and how the data shall travel."""

import hashlib
import uuid
from dataclasses import dataclass, field

from gateway import __version__
from gateway.wire.auth import secure_password, user_password_hash
from gateway.wire.codes import HELLO_BUILD, HELLO_VERSION
from gateway.wire.hello import Hello
from gateway.wire.identity import Identity
from gateway.wire.login import (
    Anonymous,
    CertificateProof,
    Credential,
    Login,
    PlainPassword,
    SecurePassword,
    TicketProof,
)

CLIENT_NAME = f"EtherFleet VPN Client {__version__}"
CASCADE_NAME = f"EtherFleet {__version__} (Cascade Mode)"


@dataclass(frozen=True, slots=True)
class Account:
    """One user of one hub. Without any of the three proofs the login is anonymous."""

    hub: str
    user: str
    password_hash: bytes | None = field(default=None, repr=False)
    """SHA-0 based hash, as good as the password (spec 3.1); see `of`."""
    plain_password: str | None = field(default=None, repr=False)
    """For a server that asks somebody else."""
    identity: Identity | None = None
    """A certificate and its key."""
    max_connection: int = 1
    use_compress: bool = False
    half_connection: bool = False
    bridge: bool = False
    monitor: bool = False
    host_name: str = ""
    unique_id: bytes = b""
    """20 bytes that stay the same where it matters that they do; empty: this machine's."""

    @classmethod
    def of(cls, hub: str, user: str, password: str | None = None, **options: object) -> "Account":
        """Return the account of `user` with `password`; None logs in anonymously."""
        secret = None if password is None else user_password_hash(password, user)
        return cls(hub, user, password_hash=secret, **options)  # type: ignore[arg-type]  # the fields' own names

    def login(self, hello: Hello) -> Login:
        """Answer the server's hello."""
        return self._login(self._proof(hello.random))

    def ticket_login(self, ticket: bytes) -> Login:
        """Return the login at the target of a redirect."""
        return self._login(TicketProof(ticket))

    def _proof(self, random: bytes) -> Credential:
        if self.password_hash is not None:
            return SecurePassword(secure_password(self.password_hash, random))
        if self.plain_password is not None:
            return PlainPassword(self.plain_password)
        if self.identity is not None:
            return CertificateProof(self.identity.certificate_der, self.identity.sign(random))
        return Anonymous()

    def _login(self, credential: Credential) -> Login:
        return Login(
            hub=self.hub,
            user=self.user,
            credential=credential,
            client_name=CASCADE_NAME if self.bridge else CLIENT_NAME,
            client_version=HELLO_VERSION,
            client_build=HELLO_BUILD,
            max_connection=self.max_connection,
            use_compress=self.use_compress,
            half_connection=self.half_connection,
            require_bridge_routing=self.bridge,
            require_monitor=self.monitor,
            unique_id=self.unique_id or machine_id(),
            host_name=self.host_name,
        )


def machine_id() -> bytes:
    """Return 20 bytes that stay the same on this machine and say nothing about it."""
    return hashlib.sha1(b"etherfleet" + uuid.getnode().to_bytes(6, "big")).digest()
