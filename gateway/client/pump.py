"""The pump between an Ethernet port and a session: frames out of one into the other, by the batch.

Runs in the loop's callbacks and never waits. While the session has no room the port is left alone,
so the kernel's own queue fills and TCP above it slows down, instead of frames being lost here.
"""

from collections.abc import Sequence

import gevent
import structlog

from gateway.client.port import EthernetPort, PortError
from gateway.client.session import ClientSession
from gateway.transport.timer import Timer
from gateway.wire.blocks import Run, encode_blocks, iterate_frames

log = structlog.get_logger()

BATCH_FRAMES = 64
MOST_QUEUED = 512 * 1024  # bytes on the way to the gateway before the port is left alone
LOOK_AGAIN_S = 0.002


class Pump:
    """Joins `port` to whichever session stands; survives the change from one to the next."""

    def __init__(self, port: EthernetPort) -> None:
        self.port = port
        self.frames_out = self.frames_in = 0
        self._session: ClientSession | None = None
        loop = gevent.get_hub().loop
        descriptor = port.fileno()
        self._watcher = None if descriptor is None else loop.io(descriptor, 1)
        self._pause = Timer(self._wake)
        if descriptor is None:
            port.on_readable = self._wake

    def attach(self, session: ClientSession) -> None:
        """Carry frames through `session` from now on."""
        self._session = session
        self._wake()

    def detach(self) -> None:
        """Let frames wait in the port until the next session."""
        self._session = None
        self._rest()

    def close(self) -> None:
        """Stop for good; the port stays open."""
        self.detach()
        self._pause.cancel()
        if self._watcher is not None:
            self._watcher.close()
        self.port.on_readable = None

    def receive(self, runs: Sequence[Run]) -> None:
        """Write what came from the hub to the port."""
        for _addresses, frames, _size, message in runs:
            self.frames_in += frames
            try:
                self.port.write_frames(list(iterate_frames(message)))
            except PortError as error:
                self._port_gone(error)
                return

    def _wake(self) -> None:
        self._pause.cancel()
        if self._watcher is None:
            self._carry()
        elif self._session is not None:
            self._watcher.start(self._carry)

    def _rest(self) -> None:
        self._pause.cancel()
        if self._watcher is not None:
            self._watcher.stop()

    def _carry(self) -> None:
        session = self._session
        if session is None:
            return
        try:
            while session.queued < MOST_QUEUED:
                frames = self.port.read_frames(BATCH_FRAMES)
                if not frames:
                    return
                self.frames_out += len(frames)
                session.send(encode_blocks(frames), len(frames))
                session.flush()
                if len(frames) < BATCH_FRAMES:
                    return
        except PortError as error:
            self._port_gone(error)
            return
        self._rest()
        self._pause.set(LOOK_AGAIN_S)

    def _port_gone(self, error: PortError) -> None:
        log.error("port gone", why=str(error))
        self._rest()
        if self._session is not None:
            self._session.close(f"port gone: {error}")
