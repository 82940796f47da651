"""A session, seen from the client: frames both ways until it ends for good.

A connection that is lost is replaced by `additional_connect` with the session key, at once and then
with growing random waits; frames sent meanwhile wait within a budget, so a gateway that was killed
and is back costs no frame. Only the server ends a session: by saying that it does not know the key,
by showing another certificate, or by staying away too long.

User-space code uses this alone (`open_session`); `keeper.py` adds logging in again.
"""

import math
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import gevent
import structlog
from gevent.event import Event as Signal

from gateway.client.account import Account
from gateway.client.backoff import Backoff
from gateway.client.dial import CONNECT_S, CannotConnect, CertificateRejected, Dialled, Trust, dial
from gateway.client.resolve import Endpoint
from gateway.errors import EtherFleetError, Malformed, ProtocolError, Refused
from gateway.transport.connection import Connection
from gateway.transport.contexts import client_context
from gateway.transport.gate import ALWAYS_OPEN, Gate
from gateway.wire.blocks import Run
from gateway.wire.codes import Direction, ErrorCode
from gateway.wire.handshake import AdditionalConnect, Joined, Redirected, Welcomed
from gateway.wire.hello import Hello
from gateway.wire.login import Login
from gateway.wire.welcome import Welcome

log = structlog.get_logger()

MAX_REDIRECTS = 10  # the protocol has no counter (spec 5.2); a circle must end
QUEUE_BYTES = 4 << 20
KNOCK_EVERY_S = 0.25  # at most, for a session that has lost all connections
KNOCK_FOR_S = 60.0  # how long a session is worth knocking for; the server's answer ends it earlier
ANSWERED_FOR_S = 3.0  # the same with little patience, where somebody answers "not now"
FAREWELL_S = 2.0  # the same after an orderly end: a gateway that is started again is back in one
MUTE_S = 2.0  # for a worker that is being replaced: what knocks at its port is answered by the next
MORE_CONNECTIONS_EVERY_S = 1.0  # the interval of stock clients (spec 5.5)
ENDING = frozenset({ErrorCode.SESSION_TIMEOUT, ErrorCode.INVALID_PROTOCOL})  # spec 5.6


class ClientSession:
    """One session at `endpoint`. Created standing; call `close` to leave it."""

    def __init__(
        self,
        endpoint: Endpoint,
        account: Account,
        trust: Trust,
        dialled: Dialled,
        welcome: Welcome,
        receive: Callable[[Sequence[Run]], None],
        patience_s: float,
        gate: Gate = ALWAYS_OPEN,
    ) -> None:
        """`receive` is called from the loop with the runs of each chunk and must not wait.

        `patience_s`: how long to knock where nobody answers before the session is given up. What
        still waits for the network when `gate` has closed is not sent any more.
        """
        self._patience_s = patience_s
        self._gate = gate
        self.endpoint = endpoint
        self.account = account
        self.welcome = welcome
        self.resumed = 0
        self.dropped_frames = 0
        self.ended = Signal()
        self.why_ended = ""
        self._trust = trust
        self._certificate = dialled.certificate
        self._receive = receive
        self._connections: list[Connection] = []
        self.egress: Connection | None = None
        """The connection that frames leave by; None while there is none."""
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._waiting_bytes = 0
        self._lost = Signal()
        self._lost_at: float | None = None
        self._why_lost = ""
        first = Direction.TO_SERVER if welcome.half_connection else Direction.BOTH
        self._add(dialled, first)
        self._keeper = gevent.spawn(self._keep)

    # -- frames ----------------------------------------------------------------------------------

    def send(self, message: bytes, frames: int) -> bool:
        """Queue a wire message; False when it was dropped for want of room. Then `flush`."""
        connection = self.egress
        if connection is not None:
            if connection.send(message, frames):
                return True
        elif self._waiting_bytes + len(message) <= QUEUE_BYTES and not self.ended.is_set():
            self._waiting.append((message, frames))
            self._waiting_bytes += len(message)
            return True
        self.dropped_frames += frames
        return False

    def flush(self) -> None:
        """Send what is queued as far as the network takes it."""
        if self.egress is not None:
            self.egress.flush()

    @property
    def queued(self) -> int:
        """Return the bytes that wait for the network."""
        return self._waiting_bytes + sum(c.queued for c in self._connections)

    @property
    def connections(self) -> list[Connection]:
        """Return the connections that stand now, oldest first."""
        return list(self._connections)

    # -- called by connections ---------------------------------------------------------------------

    def received(self, connection: Connection, runs: Sequence[Run], now: float) -> None:
        """Hand frames on."""
        self._receive(runs)

    def lost(self, connection: Connection, reason: str) -> None:
        """Forget a connection and wake the keeper."""
        self._connections.remove(connection)
        self._choose_egress()
        if not self._connections and self._lost_at is None:
            self._lost_at, self._why_lost = time.monotonic(), reason
        self._lost.set()
        if not self.ended.is_set():
            log.info("connection lost", server=str(self.endpoint), why=reason)

    # -- life --------------------------------------------------------------------------------------

    def close(self, why: str = "closed") -> None:
        """Leave: close every connection orderly. The server forgets us after its time-out."""
        if self.ended.is_set():
            return
        self.why_ended = why
        self.ended.set()
        for connection in list(self._connections):
            connection.close(why)
        self._lost.set()

    def _keep(self) -> None:
        """Hold the agreed number of connections until the session ends."""
        backoff = Backoff(random.uniform, cap=KNOCK_EVERY_S)
        while not self.ended.is_set():
            if len(self._connections) >= self.welcome.max_connection:
                self._lost.wait()
                self._lost.clear()
                backoff.reset()
                continue
            patience_s = self._patience_s
            if self._why_lost == "peer-closed":
                patience_s = max(patience_s, FAREWELL_S)
            try:
                self._join_more()
                backoff.reset()
            except (CertificateRejected, Refused) as error:
                if isinstance(error, CertificateRejected) or error.code in ENDING:
                    why = f"connection lost ({self._why_lost}), " if self._why_lost else ""
                    self.close(f"{why}the server gave the session up: {error}")
                    return
                log.info("additional connection refused", why=str(error))
                patience_s = max(patience_s, ANSWERED_FOR_S)
            except (CannotConnect, ProtocolError) as error:
                log.debug("additional connection failed", why=str(error))
            left_s = self._left(time.monotonic(), patience_s)
            if left_s <= 0:
                self.close(f"not taken back for {patience_s:g} s")
                return
            pause = MORE_CONNECTIONS_EVERY_S if self._carries_both_ways else backoff.next_delay()
            pause = min(pause, left_s)
            if len(self._connections) < self.welcome.max_connection:
                self.ended.wait(pause)

    @property
    def _carries_both_ways(self) -> bool:
        """Return whether no frame waits for a connection: half-duplex takes one each way."""
        return self.egress is not None and any(c.may_receive for c in self._connections)

    def _left(self, now: float, patience_s: float) -> float:
        """Return for how long the session is worth knocking for, in seconds."""
        return math.inf if self._lost_at is None else self._lost_at + patience_s - now

    def _join_more(self) -> None:
        dialled = dial(
            self.endpoint,
            AdditionalConnect(self.welcome.session_key),
            self._trust,
            expected_certificate=self._certificate,
            connect_s=min(CONNECT_S, max(1.0, self._patience_s)),
            tls_s=min(CONNECT_S, max(MUTE_S, self._patience_s)),
        )
        if not isinstance(dialled.event, Joined):
            dialled.opening.close()
            raise Malformed(f"{type(dialled.event).__name__} in answer to additional_connect")
        if self.ended.is_set():
            dialled.opening.close()
            return
        if self._lost_at is not None:
            self.resumed += 1
            gap = time.monotonic() - self._lost_at
            log.info("session resumed", server=str(self.endpoint), after_s=round(gap, 3))
        self._add(dialled, dialled.event.direction)

    def _add(self, dialled: Dialled, direction: Direction) -> None:
        connection = Connection(
            dialled.opening,
            self,
            timeout=self.welcome.timeout_ms / 1000,
            budget=QUEUE_BYTES,
            gate=self._gate,
            compressed=self.welcome.use_compress,
            may_send=direction != Direction.TO_CLIENT,
            may_receive=direction != Direction.TO_SERVER,
        )
        self._lost_at = None
        self._connections.append(connection)
        self._choose_egress()
        connection.start(dialled.trailing)
        if self.egress is not None:
            self._send_waiting()

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        self._waiting_bytes = 0
        if not self._gate.look(time.monotonic()):
            return
        for message, frames in waiting:
            self.send(message, frames)
        self.flush()

    def _choose_egress(self) -> None:
        self.egress = next((c for c in reversed(self._connections) if c.may_send), None)


def open_session(
    endpoint: Endpoint,
    account: Account,
    trust: Trust,
    receive: Callable[[Sequence[Run]], None],
    *,
    probe: bool = False,
    patience_s: float = KNOCK_FOR_S,
    gate: Gate = ALWAYS_OPEN,
) -> ClientSession:
    """Log in at `endpoint`, follow redirects, return the standing session.

    With little `patience_s`, because others may answer, a silent address is left soon as well.
    `gate` is that of whoever's frames are sent: see `ClientSession`.

    Raises CannotConnect, CertificateRejected, Refused or ProtocolError.
    """
    request: Callable[[Hello], Login] = account.login
    expected: bytes | None = None
    for _ in range(MAX_REDIRECTS + 1):
        dialled = dial(
            endpoint,
            request,
            trust,
            probe=probe,
            expected_certificate=expected,
            connect_s=min(CONNECT_S, max(2.0, patience_s)),
        )
        event = dialled.event
        if isinstance(event, Welcomed):
            return ClientSession(
                endpoint, account, trust, dialled, event.welcome, receive, patience_s, gate
            )
        dialled.opening.close()
        if not isinstance(event, Redirected):
            raise Malformed(f"{type(event).__name__} in answer to a login")
        redirect = event.redirect
        ports = redirect.tcp_ports
        tcp_port = endpoint.tcp_port if endpoint.tcp_port in ports else ports[0]
        endpoint = Endpoint(str(redirect.address), tcp_port, str(redirect.address))
        expected = redirect.certificate_der
        # The entry, which was checked, vouches for exactly this certificate, whatever its name.
        trust = replace(trust, context=client_context(), pin="")
        request = _with_ticket(account, redirect.ticket)
    raise EtherFleetError(f"redirected more than {MAX_REDIRECTS} times; the last to {endpoint}")


def _with_ticket(account: Account, ticket: bytes) -> Callable[[Hello], Login]:
    """Return what answers the hello of a redirect's target."""
    return lambda _hello: account.ticket_login(ticket)
