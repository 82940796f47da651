"""One TCP connection in the data phase: runs of frames in, messages out, no greenlet.

*In*: the loop calls when the socket is readable. One receive, one decryption, one scan; the runs
go to the owner, which forwards them and flushes every receiver it touched, all within this call.
Nothing here waits, so the process's shared buffers are safe to use. A large receive or send pauses
between its pieces for light connections, which have said little (`express.py`).

*Out*: messages are queued (`send`) while a chunk is worked on and leave together (`flush`): one TLS
write, one send that does not wait. What the kernel did not take is kept, further messages queue up
to a budget of bytes, and the loop calls when the socket is writable again. Past the budget they are
dropped and counted: a slow receiver never stalls a sender.

*Time*: one timer per connection sends keep-alives (spec 6.2: after a random part of the time-out,
a fifth to a half, unless something was sent) and ends a connection that said nothing for `timeout`.
"""

import os
import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gevent
import structlog

from gateway.errors import LimitExceeded, ProtocolError
from gateway.transport.express import EXPRESS
from gateway.transport.gate import ALWAYS_OPEN, Gate
from gateway.transport.linger import leave
from gateway.transport.opening import Opening
from gateway.transport.timer import Timer
from gateway.transport.tls import (
    LIGHT,
    PLAINTEXT_START,
    SHARED,
    SLICE_BYTES,
    Buffers,
    TlsClosed,
)
from gateway.wire.blocks import BlockScanner, Run, compress_message, encode_keep_alive

log = structlog.get_logger()

FLUSH_BYTES = 256 * 1024  # most plaintext encrypted at once: bounds a connection's ciphertext
HEAVY_BYTES = 8 * 1024  # received at once: more is no light connection
TURN, SMALL_TURN = SHARED.ciphertext, SHARED.ciphertext[: 32 * 1024]  # room for a receive
SMALL_PIECE_BYTES = 8 * 1024  # of a small turn, between two pauses
MAX_TLS_ANSWERS = 64 * 1024  # bytes that TLS itself wants to say to a peer that does not read
TOGETHER = 0.01  # part of the time-out: connections due within it share one waking of the loop
WRITABLE = 2  # libev's event bit


class Owner(Protocol):
    """What a connection tells the session it belongs to."""

    def received(self, connection: "Connection", runs: Sequence[Run], now: float) -> None:
        """Forward `runs`; must not wait. `now` is monotonic seconds."""

    def lost(self, connection: "Connection", reason: str) -> None:
        """The connection is closed; `reason` is a counter's label."""


class Connection:
    """A socket and its engine after the dialogue. Created stopped; `start` joins the loop."""

    __slots__ = (
        "_compressed",
        "_descriptor",
        "_engine",
        "_gate",
        "_is_late",
        "_is_light",
        "_is_sealing",
        "_owner",
        "_queue",
        "_scanner",
        "_sock",
        "_timer",
        "_unsent",
        "_watch_read",
        "_watch_write",
        "budget",
        "closed",
        "dropped_frames",
        "heard_at",
        "may_receive",
        "may_send",
        "peer",
        "queued",
        "received_bytes",
        "sent_at",
        "sent_bytes",
        "timeout",
    )

    def __init__(
        self,
        opening: Opening,
        owner: Owner,
        *,
        timeout: float,
        budget: int,
        gate: Gate = ALWAYS_OPEN,
        compressed: bool = False,
        may_send: bool = True,
        may_receive: bool = True,
    ) -> None:
        """`timeout` in seconds; `budget` in bytes queued for a slow peer; directions are ours.

        What still waits for the peer when `gate` has closed is not sent any more. All of `opening`
        is this connection's from here on.
        """
        self._sock = opening.sock
        self._descriptor = opening.sock.fileno()
        self.peer = opening.peer
        self._engine = opening.engine
        self._gate = gate
        self._owner = owner
        self._compressed = compressed
        self._scanner = BlockScanner(compressed=compressed)
        self._queue: deque[bytes] = deque()
        self._unsent: memoryview | None = None
        self._is_late = False
        self._is_light = False
        self._is_sealing = False
        self._watch_read = opening.watch_read
        self._watch_write: Any = None  # made when the kernel takes no more for the first time
        self._timer = Timer(self._on_timer)
        self.timeout = timeout
        self.budget = budget
        self.may_send = may_send
        self.may_receive = may_receive
        self.queued = 0
        self.sent_bytes = 0
        self.received_bytes = 0
        self.dropped_frames = 0
        self.heard_at = self.sent_at = 0.0
        self.closed = False

    @property
    def local_port(self) -> int:
        """Return the TCP port of ours that the peer used; 0 when it is closed already."""
        try:
            return int(self._sock.getsockname()[1])
        except OSError:
            return 0

    def start(self, trailing: bytes) -> None:
        """Begin: handle `trailing` (bytes the dialogue already read), say hello, watch."""
        self._guard(self._begin, trailing, time.monotonic())

    def _begin(self, trailing: bytes, now: float) -> None:
        self.heard_at = now
        self._watch_read.start(self._guard, self._receive)
        self._arm_timer(now)
        if self.may_send:
            self._send_keep_alive()
        elif self._engine.untaken:  # what ended the dialogue
            self._send_now([self._engine.take()])
        if trailing:
            # More than the buffer holds cannot be: the dialogue reads one chunk at a time.
            end = PLAINTEXT_START + len(trailing)
            SHARED.plaintext_view[PLAINTEXT_START:end] = trailing
            self._handle(SHARED, end, now)

    def send(self, message: bytes, frames: int) -> bool:
        """Queue a complete message; False when the budget is used up and it was dropped.

        Call `flush` once after the last one; not needed while `queued` was above zero before.
        """
        if self.closed or self.queued + len(message) > self.budget:
            self.dropped_frames += frames
            return False
        if self._compressed:
            message = compress_message(message)
        self._queue.append(message)
        self.queued += len(message)
        return True

    def flush(self) -> None:
        """Send as much of the queue as the kernel takes without waiting."""
        if self._unsent is None and not self.closed and not self._is_sealing:
            self._guard(self._drain)

    def close(self, reason: str) -> None:
        """Close orderly and tell the owner; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self._timer.cancel()
        if self._is_light:
            self._be_light(False)
        for watcher in (self._watch_read, self._watch_write):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        unsent = b""
        if self._unsent is not None and self._gate.look(time.monotonic()):
            unsent = bytes(self._unsent)
        self._queue.clear()
        self.queued = 0
        self._unsent = None
        leave(self._sock, self._engine, unsent)
        self._owner.lost(self, reason)

    def describe(self) -> str:
        """Return TLS version and cipher."""
        return self._engine.describe()

    @property
    def dropped(self) -> Mapping[str, int]:
        """Return the frames of the peer that could not be used, by reason."""
        return self._scanner.dropped

    # -- called by the loop --------------------------------------------------------------------

    def _on_writable(self) -> None:
        self._guard(self._resume)

    def _on_timer(self) -> None:
        self._guard(self._tick)

    def _guard(self, step, *arguments) -> None:  # type: ignore[no-untyped-def]  # a step is any of ours
        """Run one step; whatever it raises ends this connection alone."""
        try:
            step(*arguments)
        except TlsClosed as error:
            self.close("peer-closed" if "closed by the peer" in str(error) else "tls-broken")
        except ProtocolError as error:
            log.info("connection closed", peer=self.peer, reason=error.reason, why=str(error))
            self.close(error.reason)
        except OSError as error:
            log.debug("connection lost", peer=self.peer, why=error.strerror)
            self.close("peer-gone")
        except Exception:
            log.exception("connection closed by a fault of ours", peer=self.peer)
            self.close("internal")

    def _receive(self) -> None:
        if self._is_light or not EXPRESS.light:
            self._take(SHARED, TURN)
            return
        EXPRESS.visit()
        if not self.closed:  # nobody who was served found out that our peer is gone
            self._take(SHARED, SMALL_TURN if EXPRESS.is_in_company() else TURN)

    def _receive_light(self) -> None:
        """Receive during another connection's pause."""
        if not self._is_sealing:  # it is ours; what we receive might end the stream
            self._guard(self._take, LIGHT, LIGHT.ciphertext)

    def _take(self, buffers: Buffers, room: memoryview) -> None:
        """Receive into `room`, which is the beginning of `buffers.ciphertext`, and handle it."""
        try:
            count = os.readv(self._descriptor, (room,))
        except BlockingIOError:
            return
        if not count:
            self.close("peer-gone")
            return
        is_light = count <= HEAVY_BYTES
        if is_light:
            end = self._engine.decrypt(count, buffers)
        else:
            if self._is_light:
                self._be_light(False)
            piece = SMALL_PIECE_BYTES if EXPRESS.is_in_company() else SLICE_BYTES
            end = self._engine.decrypt(count, buffers, slice_bytes=piece, pause=EXPRESS.visit)
        if self._engine.untaken and not self.closed:
            self._send_tls_answers()
        if end > PLAINTEXT_START:
            self.received_bytes += end - PLAINTEXT_START
            has_frames = self._handle(buffers, end, time.monotonic())
            if is_light and has_frames and not self._is_light and not self.closed:
                self._be_light(True)
            if self._is_late and count < len(room):
                self._is_late = False  # all that had waited is read
            if self._engine.has_ended and not self.closed:
                self._engine.decrypt()  # raises, and says how: nothing else may come to tell us

    def _be_light(self, is_light: bool) -> None:
        """Have our next words heard during pauses of others, or no longer."""
        self._is_light = is_light
        if is_light:
            EXPRESS.join(self._descriptor, self._receive_light)
        else:
            EXPRESS.leave(self._descriptor)

    def _handle(self, buffers: Buffers, end: int, now: float) -> bool:
        """Pass on what was said, unless we were suspended for so long that the peer may have given
        us up meanwhile: then a station behind it may be elsewhere, and its old frames would call
        its traffic back to here. Say whether there were frames."""
        scanner = self._scanner
        before = scanner.messages
        runs = scanner.scan(buffers.plaintext, PLAINTEXT_START, end)
        if scanner.messages != before or runs:
            if now - self.heard_at > self.timeout:
                self._is_late = True
            self.heard_at = now
        if runs and self.may_receive:
            if self._is_late:
                self._scanner.dropped["late"] += sum(run[1] for run in runs)
            else:
                self._owner.received(self, runs, now)
        return bool(runs)

    def _send_tls_answers(self) -> None:
        """Send what TLS answered by itself (new keys): the peer can make it do so without end."""
        if self._unsent is None:
            self._send_now([self._engine.take()])
        elif self._engine.untaken > MAX_TLS_ANSWERS:
            raise LimitExceeded(
                f"{self._engine.untaken} bytes of TLS answers unread, {MAX_TLS_ANSWERS} allowed"
            )

    def _drain(self) -> None:
        """Encrypt and send queued messages until the queue is empty or the kernel takes no more."""
        queue = self._queue
        engine = self._engine
        before = self.sent_bytes
        while queue:
            size = 0
            batch = []
            while queue and size < FLUSH_BYTES:
                message = queue.popleft()
                batch.append(message)
                size += len(message)
            data = batch[0] if len(batch) == 1 else b"".join(batch)
            self._is_sealing = True
            pieces = engine.seal(data, pause=EXPRESS.visit)
            self._is_sealing = False
            self.queued -= size
            self.sent_bytes += size
            if not self._send_now(pieces):
                break
        self.sent_at = time.monotonic()
        if self.sent_bytes - before > HEAVY_BYTES:
            # Behind it, not before: whom a visit wakes runs beside us a moment later, and whom what
            # we send wakes then is put on our processor, ahead of us.
            EXPRESS.visit()

    def _send_now(self, pieces: list[bytes]) -> bool:
        """Send `pieces` without waiting; keep the rest and watch when the kernel is full."""
        try:
            count = os.writev(self._descriptor, pieces)
        except BlockingIOError:
            count = 0
        if count == sum(map(len, pieces)):
            return True
        self._unsent = memoryview(b"".join(pieces))[count:]
        if self._watch_write is None:
            self._watch_write = gevent.get_hub().loop.io(self._descriptor, WRITABLE)
        self._watch_write.start(self._on_writable)
        return False

    def _resume(self) -> None:
        assert self._unsent is not None, "watching for writable without anything unsent"
        now = time.monotonic()
        if now >= self._gate.deadline and not self._gate.look(now):
            self.close("gate-closed")
            return
        try:
            count = os.write(self._descriptor, self._unsent)
        except BlockingIOError:
            return
        if count < len(self._unsent):
            self._unsent = self._unsent[count:]
            return
        self._unsent = None
        self._watch_write.stop()
        self._drain()

    # -- keep-alive and time-out -----------------------------------------------------------------

    def _arm_timer(self, now: float) -> None:
        after = random.uniform(0.5, 0.6) * self.timeout
        if self.may_receive:
            after = min(after, self.heard_at + self.timeout - now + 0.01)
        self._timer.set(after, within=TOGETHER * self.timeout)

    def _tick(self) -> None:
        now = time.monotonic()
        # In half-duplex mode the peer says nothing at all on a connection of our direction.
        if self.may_receive and now - self.heard_at > self.timeout:
            self._receive()  # if we were suspended, it may be there still: see `_handle`
            if not self.closed and now > self.heard_at + self.timeout:
                silent_s = round(now - self.heard_at, 1)
                log.info("connection timed out", peer=self.peer, silent_s=silent_s)
                self.close("timed-out")
        if self.closed:
            return
        if self.may_send and now - self.sent_at > 0.2 * self.timeout:
            self._send_keep_alive()
        self._arm_timer(now)

    def _send_keep_alive(self) -> None:
        if self._unsent is not None:
            return  # bytes are waiting for this peer anyway
        self._queue.append(encode_keep_alive(random.randbytes(random.randrange(32))))
        self.queued += len(self._queue[-1])
        self._drain()
