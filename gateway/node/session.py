"""A session: one authenticated client on one port of a hub, over one to 32 TCP connections.

Frames to the client go on its newest connection, as real servers and all stock clients do; the
order of frames holds as long as that one lives. A session without any connection stays for
`timeout` seconds and may be resumed by `additional_connect` (spec 5.6, 6.4): losing a connection is
not losing a session.
"""

import time
from collections.abc import Callable, Sequence

import structlog

from coordinator.model import TRAFFIC_FIELDS, SessionRecord, SessionUpdate, Traffic
from gateway.errors import Refused
from gateway.hub.port import Port
from gateway.hub.rules import Terms, most_macs
from gateway.hub.switch import Switch
from gateway.node.admission import read_policy_settings
from gateway.node.knocks import Knock
from gateway.node.ledger import Ledger
from gateway.node.outlet import carry
from gateway.node.terms import first_terms
from gateway.transport.connection import Connection
from gateway.transport.gate import Gate
from gateway.transport.peer import address_of
from gateway.transport.timer import Timer
from gateway.wire.blocks import Run
from gateway.wire.codes import MAX_CONNECTIONS, Direction, ErrorCode
from gateway.wire.ethernet import parse_macs

log = structlog.get_logger()

KEPT_BYTES = 256 * 1024  # frames kept for a client without a connection
NEVER_ASKED = -1  # version of terms that come from the session's record
MAX_HINTS = 8  # addresses kept in a session's record


def facts_of(record: SessionRecord) -> dict[str, object]:
    """Return what every event about a session says of it; no `epoch` on a static hub."""
    facts = {"hub": record.hub, "session": record.name, "user": record.user}
    return {**facts, "epoch": record.hub_epoch} if record.hub_epoch else {**facts}


class Session:
    """Owner of a hub port on one side and of connections on the other."""

    __slots__ = (
        "__weakref__",
        "_count",
        "_ended",
        "_expiry",
        "_hints",
        "_kept",
        "_kept_bytes",
        "_log",
        "_settled",
        "_told",
        "began",
        "connections",
        "egress",
        "ended",
        "gate",
        "message",
        "policy",
        "port",
        "record",
        "switch",
        "terms",
        "terms_version",
    )

    def __init__(
        self,
        record: SessionRecord,
        switch: Switch,
        gate: Gate,
        *,
        message: str,
        hints: Sequence[str] = (),
        ended: Callable[["Session", str], None],
        count: Callable[[str], None],
    ) -> None:
        """`message` is for the client; `hints` are the addresses last seen behind it, perhaps
        elsewhere, where the record's own were seen here.

        `ended(session, reason)` is told once, when it is over; `count(reason)` of each connection
        lost.
        """
        self.record = record
        self.switch = switch
        self.gate = gate
        self.connections: list[Connection] = []
        self._kept: list[tuple[bytes, int]] = []
        self._kept_bytes = 0
        self.egress: Connection | None = None
        self._settled = Traffic()
        self._hints = tuple(hints)
        self._told: tuple[int, tuple[str, ...]] = (0, record.macs)
        self.ended = False
        self._ended = ended
        self._count = count
        self._expiry = Timer(self._expire)
        self._log = log.bind(**facts_of(record))
        self.message = message
        self.policy = read_policy_settings(record.policy)
        """As the client was told."""
        self.terms = terms = first_terms(record)
        """As it is enforced, of now."""
        self.terms_version = NEVER_ASKED
        self.began = time.monotonic()
        self.port: Port = switch.attach(
            self,
            max_macs=most_macs(terms.policy),
            storm_guard=not terms.policy.no_broadcast_limiter,
            monitor=record.monitor,
            joins=record.bridge and not record.monitor,
            terms=terms,
        )
        switch.recall(self.port, parse_macs(record.macs), time.monotonic())
        self._expiry.set(record.timeout_ms / 1000)

    def change(self, terms: Terms) -> None:
        """Go on under other terms, from the next frame on."""
        self.terms = terms
        self.switch.change(
            self.port,
            max_macs=most_macs(terms.policy),
            storm_guard=not terms.policy.no_broadcast_limiter,
            terms=terms,
        )

    # -- the hub's side -----------------------------------------------------------------------

    def deliver(self, message: bytes, frames: int) -> bool:
        """Take a message for the client; true when `flush` must be called after the chunk."""
        connection = self.egress
        if connection is None:
            self._keep(message, frames)
            return False
        idle = not connection.queued
        if not connection.send(message, frames):
            self.switch.drop(self.port, "queue-full", frames)
            return False
        return idle

    def _keep(self, message: bytes, frames: int) -> None:
        """Keep a message for a client that may be back in a moment."""
        if self._kept_bytes + len(message) > KEPT_BYTES:
            self.switch.drop(self.port, "no-connection", frames)
            return
        self._kept.append((message, frames))
        self._kept_bytes += len(message)

    def flush(self) -> None:
        """Send what `deliver` queued."""
        if self.egress is not None:
            self.egress.flush()

    # -- the client's side ----------------------------------------------------------------------

    def next_direction(self) -> Direction:
        """Return the direction of the next connection. Raises Refused when there are too many.

        One more than agreed is let in (spec 6.4): a client may know of a loss before we do.
        Half-duplex: first to the server, then whichever has fewer, to the client on a tie.
        """
        most = min(self.record.max_connection, self.terms.policy.max_connection or MAX_CONNECTIONS)
        if len(self.connections) > most:
            raise Refused(
                ErrorCode.TOO_MANY_CONNECTIONS,
                f"{len(self.connections)} connections, {most} allowed",
                "too-many-connections",
            )
        if not self.record.half_connection:
            return Direction.BOTH
        if not self.connections:
            return Direction.TO_SERVER
        to_client = sum(not c.may_receive for c in self.connections)
        to_server = len(self.connections) - to_client
        return Direction.TO_SERVER if to_server < to_client else Direction.TO_CLIENT

    def add(self, connection: Connection, trailing: bytes) -> None:
        """Take a connection whose dialogue is over."""
        self.connections.append(connection)
        if self.ended:  # while its welcome was on the way
            connection.close("session-ended")
            return
        if connection.may_receive:
            self._expiry.cancel()
        self._choose_egress()
        connection.start(trailing)
        self._send_kept()
        self._log.debug(
            "connection joined", peer=connection.peer, connections=len(self.connections)
        )

    def knocks(self) -> list[Knock]:
        """Return by what its client will be known if it comes back: once for each connection."""
        return [Knock(address_of(c.peer), c.local_port) for c in self.connections]

    def wait(self, seconds: float) -> None:
        """Give the client `seconds` to come back, instead of the session's time-out."""
        if not self.connections:
            self._expiry.set(seconds)

    def _send_kept(self) -> None:
        if self.egress is None:
            return
        kept, self._kept = self._kept, []
        self._kept_bytes = 0
        for message, frames in kept:
            self.deliver(message, frames)
        self.flush()

    def received(self, connection: Connection, runs: Sequence[Run], now: float) -> None:
        """Forward the runs of one chunk and flush every port they reached."""
        carry(self.switch, self.gate, self.port, runs, now)

    def lost(self, connection: Connection, reason: str) -> None:
        """Forget a closed connection; without any, wait for the client to come back.

        In half-duplex mode one that carries nothing to us shows nothing of whether he is there.
        """
        self.connections.remove(connection)
        self._count(f"lost-{reason}")
        for cause, frames in connection.dropped.items():
            self.switch.drop(self.port, cause, frames)
        self._choose_egress()
        self._log.info(
            "connection ended", peer=connection.peer, why=reason, connections=len(self.connections)
        )
        if not self.ended and not any(one.may_receive for one in self.connections):
            self._expiry.set(self.record.timeout_ms / 1000)

    def end(self, reason: str) -> None:
        """End the session: close every connection, leave the hub, tell the owner. Idempotent."""
        if self.ended:
            return
        self.ended = True
        self._expiry.cancel()
        for connection in list(self.connections):
            connection.close(reason)
        self.switch.detach(self.port)
        self._ended(self, reason)

    def report(self, macs: tuple[str, ...]) -> SessionUpdate | None:
        """Return what has changed since it was last settled; None when nothing has.

        `macs` are the addresses behind the client, latest last: hints in the session's record.
        """
        macs = macs[-MAX_HINTS:] or self.behind  # one that has not spoken yet is not nobody
        news = (len(self.connections), macs)
        if news == self._told and self.carried() == self._settled:
            return None
        return SessionUpdate(self.record, len(self.connections), self.unsettled(), macs)

    @property
    def behind(self) -> tuple[str, ...]:
        """Return the addresses last known behind the client."""
        return self._told[1] or self._hints

    def settle(self, update: SessionUpdate, ledger: Ledger) -> None:
        """Note that the store has `update`, and enter its traffic into the ledger: once."""
        self._told = (update.connections, update.macs or ())
        self._settled += update.traffic
        ledger.add(self.record.hub, self.record.user, update.traffic)

    def unsettled(self) -> Traffic:
        """Return what was carried and not yet settled."""
        total, settled = self.carried(), self._settled
        if total == settled:
            return Traffic()
        return Traffic(*(getattr(total, n) - getattr(settled, n) for n in TRAFFIC_FIELDS))

    def carried(self) -> Traffic:
        """Return what was carried here since the session began or was taken over."""
        received, sent = self.port.received, self.port.sent
        return Traffic(
            received.unicast_frames,
            received.unicast_bytes,
            received.broadcast_frames,
            received.broadcast_bytes,
            sent.unicast_frames,
            sent.unicast_bytes,
            sent.broadcast_frames,
            sent.broadcast_bytes,
        )

    def _expire(self) -> None:
        self.end("timed-out")

    def _choose_egress(self) -> None:
        self.egress = next((c for c in reversed(self.connections) if c.may_send), None)
