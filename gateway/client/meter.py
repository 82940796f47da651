"""A port that counts what passes through it."""

from collections.abc import Callable, Sequence

from gateway.client.port import EthernetPort


class Meter:
    """An `EthernetPort` in front of another. "out" is towards the hub, "in" is from it."""

    def __init__(self, port: EthernetPort) -> None:
        self.frames_out = self.bytes_out = 0
        self.frames_in = self.bytes_in = 0
        self._port = port

    @property
    def on_readable(self) -> Callable[[], object] | None:
        return self._port.on_readable

    @on_readable.setter
    def on_readable(self, wake: Callable[[], object] | None) -> None:
        self._port.on_readable = wake

    def fileno(self) -> int | None:
        return self._port.fileno()

    def read_frames(self, limit: int) -> list[bytes]:
        frames = self._port.read_frames(limit)
        self.frames_out += len(frames)
        self.bytes_out += sum(map(len, frames))
        return frames

    def write_frames(self, frames: Sequence[bytes]) -> int:
        self.frames_in += len(frames)
        self.bytes_in += sum(map(len, frames))
        return self._port.write_frames(frames)

    def close(self) -> None:
        self._port.close()
