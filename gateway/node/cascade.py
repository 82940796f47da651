"""A cascade that runs here: our hub's session on a hub elsewhere, and the port it has on our hub.

It logs in, stays, logs in again, for as long as this node owns the hub. Two things end that:
`end`, when the hub is lost, moved or closed, at once; and the lease gate. A gate that has closed
may mean that another node runs the same cascade by now, so nothing is passed on either way from
that very moment, the session is closed if it does not open again within `CLOSED_S`, and nobody logs
in before it is open. A process that was frozen beyond its lease finds the gate closed by the first
frame it looks at.

The port is on the hub's switch while a session stands, and gone with it: no frame waits for nobody,
and what was learned behind it is forgotten. What leaves by it goes straight to the connection of
the session, by the run and within its budget of bytes, as with the sessions of clients.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
import structlog

from coordinator.cascade import Cascade, CascadeState, CascadeStatus
from coordinator.model import NEVER, TRAFFIC_FIELDS, Traffic
from coordinator.times import Timestamp, to_timestamp, utc_now
from gateway.client.resolve import EndpointRing
from gateway.client.session import ClientSession, open_session
from gateway.errors import EtherFleetError
from gateway.hub.port import Port
from gateway.hub.rules import Terms, most_macs
from gateway.node.admission import read_policy_settings, write_policy_settings
from gateway.node.cascade_probes import CascadeProbes, new_guard
from gateway.node.cascade_terms import (
    account_of,
    code_of,
    is_lasting,
    line_of,
    target_of,
    trust_of,
)
from gateway.node.hubs import LiveHub
from gateway.node.outlet import carry
from gateway.node.retry import Retries, Trouble
from gateway.transport.gate import Gate
from gateway.transport.timer import Timer
from gateway.wire.blocks import Run
from gateway.wire.codes import ErrorCode
from gateway.wire.ethernet import PROBES

log = structlog.get_logger()

PATIENCE_S = 5.0  # of a session without a connection; then a new login may lead elsewhere
GATE_LOOK_S = 0.2  # between two looks at a closed gate
CLOSED_S = 0.5  # a gate that a moment's delay has closed is open again sooner
TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """By what right a cascade runs here."""

    node: str
    inc: int
    epoch: int
    """Under which the node owns the hub."""


class RunningCascade:
    """One cascade; an outlet of its hub. Created running."""

    keeps_hub = True

    def __init__(
        self,
        cascade: Cascade,
        place: Place,
        live: LiveHub,
        gate: Gate,
        fleet: str,
        *,
        changed: Callable[[], None],
    ) -> None:
        """`gate` is the node's, also for a static hub; `fleet` the fleet's id. `changed()` is
        called whenever `status` has news worth telling at once."""
        self.cascade = cascade
        self.place = place
        self._live = live
        self._gate = gate
        self._fleet = fleet
        self._changed = changed
        self._ring = EndpointRing(target_of(cascade))
        self._retries = Retries(random.uniform)
        self._guard = new_guard()
        self._last_why, self._last_logins = "", 0
        self._session: ClientSession | None = None
        self._port: Port | None = None
        self._told = Traffic()
        self._carried = Traffic()
        self._probes: CascadeProbes | None = None
        self._open_at = 0.0  # when the gate was last seen open
        self.is_over = False
        self._timer = Timer(self._tick)
        self._log = log.bind(hub=cascade.hub, cascade=cascade.name)
        self._status = CascadeStatus(
            cascade.hub,
            cascade.name,
            place.node,
            place.inc,
            place.epoch,
            cascade.version,
            CascadeState.CONNECTING,
            started=utc_now(),
        )
        self._worker = gevent.spawn(self._run)

    # -- the hub's side ------------------------------------------------------------------------

    def deliver(self, message: bytes, frames: int) -> bool:
        """Take a message for the other side; true when `flush` must be called after the chunk.

        Sessions of a static hub are not held up by the gate, so it is looked at here as well.
        """
        session, port, probes = self._session, self._port, self._probes
        if session is None or port is None or probes is None:
            return False
        now = time.monotonic()
        if now >= self._gate.deadline and not self._gate.look(now):
            self._live.switch.drop(port, "gate-closed", frames)
            return False
        if probes.watches(message):
            return probes.leave(message, frames)
        return self._send(message, frames)

    def _send(self, message: bytes, frames: int) -> bool:
        session, port = self._session, self._port
        if session is None or port is None:
            return False
        connection = session.egress
        if connection is None:
            if not session.send(message, frames):
                self._live.switch.drop(port, "no-connection", frames)
            return False
        idle = not connection.queued
        if not connection.send(message, frames):
            self._live.switch.drop(port, "queue-full", frames)
            return False
        return idle

    def flush(self) -> None:
        """Send what was delivered."""
        if self._session is not None:
            self._session.flush()

    def withdraw(self, macs: Sequence[bytes]) -> None:
        if self._probes is not None:
            self._probes.withdraw(macs)

    def announce(self, macs: Sequence[bytes]) -> None:
        """Let the other side learn at once that these stations are behind our hub."""
        if self._probes is not None:
            self._probes.announce(macs, time.monotonic())

    def end(self, reason: str) -> None:
        """Stop for good: close the session, give the port up."""
        if self.is_over:
            return
        self.is_over = True
        self._worker.kill(block=False)
        if self._session is not None:
            self._session.close(reason)
        self._leave_hub()
        self._log.info("cascade stopped", why=reason)

    # -- the other side ------------------------------------------------------------------------

    def _receive(self, runs: Sequence[Run]) -> None:
        """Forward what came from there: with the welcome, before there is a port, nothing may."""
        if self._port is None or self._probes is None:
            return
        if self._probes.is_shut or any(run[0][:6] == PROBES for run in runs):
            runs = self._probes.enter(runs)
        if runs:
            carry(self._live.switch, self._gate, self._port, runs, time.monotonic())

    # -- life ----------------------------------------------------------------------------------

    def status(self, now: Timestamp) -> CascadeStatus:
        """Return how it is doing."""
        session = self._session
        seen = replace(self._status, updated=now, traffic=self.traffic)
        if session is None:
            return seen
        standing = session.connections
        return replace(
            seen,
            connections=len(standing),
            cipher=standing[-1].describe() if standing else "",
        )

    @property
    def traffic(self) -> Traffic:
        """Return what was carried since it runs here. `received`: into our hub."""
        return self._carried if self._port is None else self._carried + traffic_of(self._port)

    def take_traffic(self) -> Traffic:
        """Return what was carried since the last call."""
        total, told = self.traffic, self._told
        self._told = total
        return Traffic(*(getattr(total, n) - getattr(told, n) for n in TRAFFIC_FIELDS))

    @property
    def port(self) -> Port | None:
        """Return its port on the hub's switch while a session stands."""
        return self._port

    def _run(self) -> None:
        """Stay joined until `end`."""
        while True:
            self._wait_for_gate()
            try:
                pause_s = self._attempt()
            except Exception:  # a fault of ours ends an attempt, and nothing else
                self._log.exception("cascade failed by a fault of ours")
                why = "a fault of the gateway's, see the log of its node"
                pause_s = self._failed(Trouble.LASTING, why, ErrorCode.INTERNAL_ERROR)
            gevent.sleep(pause_s)

    def _wait_for_gate(self) -> None:
        while not self._gate.look(time.monotonic()):
            gevent.sleep(GATE_LOOK_S)

    def _attempt(self) -> float:
        """Log in and stay until the session ends; return for how long to leave it alone then."""
        status = self._status
        self._say(CascadeState.CONNECTING, attempts=status.attempts + 1, why=status.why)
        try:
            session = self._open()
        except EtherFleetError as error:
            trouble = Trouble.LASTING if is_lasting(error) else Trouble.PASSING
            return self._failed(trouble, line_of(error), code_of(error))
        began = time.monotonic()
        self._joined(session)
        try:
            session.ended.wait()
        finally:
            session.close("stopped")
            self._leave_hub()
        self._retries.stood(time.monotonic() - began)
        why = f"session ended: {session.why_ended}"
        return self._failed(Trouble.PASSING, why, ErrorCode.DISCONNECTED)

    def _open(self) -> ClientSession:
        """Log in at the first address that lets us. Raises EtherFleetError."""
        account, trust = account_of(self.cascade, self._fleet), trust_of(self.cascade)
        failure: EtherFleetError | None = None
        for endpoint in self._ring.round():
            try:
                return open_session(
                    endpoint,
                    account,
                    trust,
                    self._receive,
                    patience_s=PATIENCE_S,
                    gate=self._gate,
                )
            except EtherFleetError as error:
                failure = error
        assert failure is not None, "a round has at least one address, or raises"
        raise failure

    def _joined(self, session: ClientSession) -> None:
        """Give a session that stands its port on our hub. May not wait."""
        if not self._gate.look(time.monotonic()):
            session.close("gate-closed")
            return
        policy = read_policy_settings(self.cascade.policy)
        self._port = self._live.switch.attach(
            self,
            max_macs=most_macs(policy),
            storm_guard=not policy.no_broadcast_limiter,
            joins=True,
            terms=Terms(policy=policy),
        )
        self._session = session
        self._probes = CascadeProbes(
            self._guard, self._live.switch, self._port, self._send_now, self._loop_changed
        )
        self._open_at = time.monotonic()
        self._timer.set(0.0)
        welcome, now = session.welcome, utc_now()
        self._log.info("cascade joined", server=str(session.endpoint), session=welcome.session_name)
        self._say(
            CascadeState.LOOPED if self._guard.is_shut else CascadeState.CONNECTED,
            logins=self._status.logins + 1,
            server=str(session.endpoint),
            session=welcome.session_name,
            connection=welcome.connection_name,
            use_compress=welcome.use_compress,
            half_connection=welcome.half_connection,
            max_connection=welcome.max_connection,
            far_policy=write_policy_settings(welcome.policy),
            connected=now,
            first_connected=self._status.first_connected or now,
        )

    def _tick(self) -> None:
        """Look for loops and announce stations; close the session when the gate stays closed."""
        session, probes, now = self._session, self._probes, time.monotonic()
        if session is None or probes is None:
            return
        self._timer.set(TICK_S)
        if self._gate.look(now):
            self._open_at = now
            probes.tick(now)
        elif now - self._open_at >= CLOSED_S:
            session.close("this node's lease could not be renewed in time")

    def _send_now(self, message: bytes, frames: int) -> None:
        """Send what does not come from the hub: probes and announcements."""
        self._send(message, frames)
        self.flush()

    def _loop_changed(self) -> None:
        if self._guard.is_shut:
            why = f"its own frames come back to hub {self.cascade.hub}: cut, nothing passes"
            self._log.warning("cascade cut: a loop", why=why)
            self._say(CascadeState.LOOPED, keep=True, why=why)
        else:
            self._log.info("cascade passes frames again: no loop any more")
            self._say(CascadeState.CONNECTED, keep=True, why="")

    def _leave_hub(self) -> None:
        """Give up the port, if there is one, and what was learned behind it."""
        self._timer.cancel()
        self._session = self._probes = None
        port, self._port = self._port, None
        if port is not None:
            self._carried += traffic_of(port)
            self._live.switch.detach(port)

    def _failed(self, trouble: Trouble, why: str, error: int) -> float:
        """Note why it does not stand; return the seconds until the next attempt.

        One line of the log for each cause, not for each attempt.
        """
        pause_s = self._retries.wait_after(trouble)
        if why != self._last_why or self._status.logins != self._last_logins:
            self._last_why, self._last_logins = why, self._status.logins
            self._log.warning("cascade not joined", why=why, retry_s=round(pause_s, 1))
        self._say(CascadeState.RETRYING, why=why, error=error, next_try=seconds_from_now(pause_s))
        return pause_s

    def _say(self, state: CascadeState, *, keep: bool = False, **news: Any) -> None:
        """Take over what is new; what told of a session or failure before goes, unless kept."""
        if not keep:
            news = _BLANK | news
        self._status = replace(self._status, state=state, **news)
        self._changed()


_BLANK: dict[str, Any] = {
    "why": "",
    "error": 0,
    "next_try": NEVER,
    "server": "",
    "session": "",
    "connection": "",
    "connected": NEVER,
    "far_policy": {},
    "max_connection": 0,
    "use_compress": False,
    "half_connection": False,
}


def traffic_of(port: Port) -> Traffic:
    """Return what a port has carried."""
    received, sent = port.received, port.sent
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


def seconds_from_now(seconds: float) -> Timestamp:
    """Return a time to come, for people."""
    return to_timestamp(datetime.now(UTC) + timedelta(seconds=seconds))
