"""What leaves a machine by TCP: a line per segment that carries anything.

    with Capturing(host.namespace, directory / "segments") as capturing:
        ...
    assert not [s for s in capturing.segments() if s.size > 100]

Runs itself inside the namespace; frames are seen before they leave, as with tcpdump.
"""

import json
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.stock.namespaces import Namespace
from tests.stock.process import Process
from tests.stock.waiting import until

_READY = "capturing"
_ETH_P_ALL = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment that carried bytes."""

    at: float
    "monotonic seconds"
    source_port: int
    target: str
    target_port: int
    size: int
    "bytes of payload"


class Capturing:
    """Segments that leave `namespace` while the block runs; `path` takes them."""

    def __init__(self, namespace: Namespace, path: Path) -> None:
        self._namespace = namespace
        self._path = path
        self._process: Process | None = None

    def __enter__(self) -> "Capturing":
        argv = [sys.executable, "-m", "tests.stock.capture"]
        self._process = self._namespace.start(*argv, log=self._path)
        until(lambda: _READY in self._path.read_text(), "the capture to begin", 20)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.kill()

    def segments(self) -> list[Segment]:
        """Return what was seen so far."""
        lines = self._path.read_text().splitlines()
        return [Segment(**json.loads(line)) for line in lines if line.endswith("}")]


def read_segment(frame: bytes, at: float) -> Segment | None:
    """Return the segment in an Ethernet frame; None if it holds no TCP over IPv4 with a payload."""
    if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
        return None
    begin = 14 + 4 * (frame[14] & 15)
    (total,) = struct.unpack_from(">H", frame, 16)
    size = total - (begin - 14) - 4 * (frame[begin + 12] >> 4)
    if size <= 0:
        return None
    source_port, target_port = struct.unpack_from(">HH", frame, begin)
    return Segment(at, source_port, socket.inet_ntoa(frame[30:34]), target_port, size)


def _main() -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as sock:
        print(_READY, flush=True)
        while True:
            frame, where = sock.recvfrom(128)
            leaves = where[2] == socket.PACKET_OUTGOING
            if leaves and (segment := read_segment(frame, time.monotonic())):
                print(json.dumps(asdict(segment)), flush=True)


if __name__ == "__main__":
    _main()
