"""Dial one connection: TCP, TLS, and the dialogue up to a welcome, a redirect or a refusal."""

import hashlib
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from gateway.client.resolve import Endpoint
from gateway.errors import EtherFleetError, ProtocolError, Refused
from gateway.transport.opening import Opening, PeerGone
from gateway.transport.tls import TlsEngine
from gateway.wire.codes import ErrorCode
from gateway.wire.handshake import AdditionalConnect, ClientHandshake, Event
from gateway.wire.hello import Hello
from gateway.wire.login import Login

CONNECT_S = 10.0  # TCP and TLS; stock clients allow as much
DIALOGUE_S = 15.0  # spec 1.1


class CannotConnect(EtherFleetError):
    """Nobody answers there; another address or a later try may help."""


class CertificateRejected(EtherFleetError):
    """The certificate is not the one expected: trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which certificate is believed: the pinned one (SHA-256 of its DER, hex), or by `context`."""

    context: ssl.SSLContext
    pin: str = ""
    check_name: bool = False

    def check(self, certificate: bytes | None) -> None:
        """Raises CertificateRejected when the pin does not match."""
        if self.pin:
            seen = hashlib.sha256(certificate or b"").hexdigest()
            if seen != self.pin:
                raise CertificateRejected(
                    f"the certificate's SHA-256 is {seen}, pinned is {self.pin}"
                )


@dataclass(slots=True)
class Dialled:
    """A connection after its dialogue: what was agreed and who answered."""

    opening: Opening
    event: Event
    trailing: bytes
    certificate: bytes


def dial(
    endpoint: Endpoint,
    request: Callable[[Hello], Login] | AdditionalConnect,
    trust: Trust,
    *,
    probe: bool = False,
    expected_certificate: bytes | None = None,
    connect_s: float = CONNECT_S,
    tls_s: float | None = None,
) -> Dialled:
    """Open a connection and make `request`; `connect_s` bounds TCP, and TLS without a `tls_s`.

    Raises CannotConnect, CertificateRejected, Refused (with the server's code) or ProtocolError.
    """
    opening = _connect(endpoint, trust, connect_s, connect_s if tls_s is None else tls_s)
    certificate = opening.engine.peer_certificate() or b""
    try:
        trust.check(certificate)
        if expected_certificate is not None and certificate != expected_certificate:
            raise CertificateRejected(f"{endpoint} shows another certificate than before")
        handshake = ClientHandshake(
            request, host=endpoint.address, probe=probe, padding=os.urandom(os.urandom(1)[0])
        )
        with opening.deadline(DIALOGUE_S):
            event = _talk(opening, handshake)
    except (ProtocolError, Refused, CertificateRejected):
        opening.close()
        raise
    return Dialled(opening, event, handshake.trailing, certificate)


def _connect(endpoint: Endpoint, trust: Trust, connect_s: float, tls_s: float) -> Opening:
    try:
        sock = socket.create_connection((endpoint.address, endpoint.tcp_port), connect_s)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotConnect(f"{endpoint}: {why}") from error
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opening = Opening(sock, TlsEngine(trust.context, server_side=False, server_name=endpoint.host))
    try:
        with opening.deadline(tls_s):
            opening.handshake()
    except ProtocolError as error:
        opening.abandon()
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise CertificateRejected(f"{endpoint}: {error}") from error
        raise CannotConnect(f"{endpoint}: {error}") from error
    return opening


def _talk(opening: Opening, handshake: ClientHandshake) -> Event:
    while True:
        event = handshake.next_event()
        if event is not None:
            _flush_ack(opening, handshake)
            return event
        opening.write(handshake.data_to_send())
        handshake.receive_data(opening.read())


def _flush_ack(opening: Opening, handshake: ClientHandshake) -> None:
    """Send what an event queued: the acknowledgement of a redirect, which nobody needs to read."""
    try:
        opening.write(handshake.data_to_send())
    except PeerGone:
        return


def is_final(error: EtherFleetError) -> bool:
    """Return whether trying again cannot help: bad password, no such hub, wrong certificate."""
    if isinstance(error, CertificateRejected):
        return True
    return isinstance(error, Refused) and error.code in FINAL_CODES


FINAL_CODES = frozenset(
    {
        ErrorCode.HUB_NOT_FOUND,
        ErrorCode.AUTH_FAILED,
        ErrorCode.AUTH_TYPE_NOT_SUPPORTED,
        ErrorCode.ACCESS_DENIED,
        ErrorCode.MONITOR_MODE_DENIED,
        ErrorCode.BRIDGE_MODE_DENIED,
        ErrorCode.SOURCE_ADDRESS_DENIED,
    }
)
