"""Broadcast frames of our own, sent and counted by machines of a test.

with Counting(desk, "eth0") as counting:
    broadcast(carol, "ef0", 50)
assert counting.count == 50
"""

import subprocess
import sys
from typing import Self

from tests.stock.namespaces import Namespace

KIND = 0x88B6  # free for local experiments, as that of loop probes is

_SEND = """
import socket, sys, time
device, count, per_second = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((device, 0))
mac = s.getsockname()[4]
began = time.monotonic()
for number in range(count):
    while time.monotonic() - began < number / per_second:
        time.sleep(0.001)
    s.send(b"\\xff" * 6 + mac + bytes.fromhex("88b6") + number.to_bytes(4, "big") + bytes(46))
"""

_COUNT = """
import select, socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b6))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
s.bind((sys.argv[1], 0x88b6))
print("listening", flush=True)
seen = {}
while True:
    ready, _, _ = select.select([s, sys.stdin], [], [])
    if s in ready:
        frame, where = s.recvfrom(2000)
        if where[2] != socket.PACKET_OUTGOING:
            mac = frame[6:12].hex(":")
            seen[mac] = seen.get(mac, 0) + 1
    elif sys.stdin in ready:
        print(*(f"{mac}={count}" for mac, count in seen.items()), flush=True)
        break
"""


def broadcast(source: Namespace, device: str, count: int, *, per_second: float = 200) -> None:
    """Send `count` frames to everybody, at that rate or as fast as it goes."""
    source.run(sys.executable, "-c", _SEND, device, str(count), str(per_second))


class Counting:
    """Counts what arrives by `device` while the `with` block runs, by the sender's address."""

    def __init__(self, at: Namespace, device: str) -> None:
        self._listening = subprocess.Popen(
            at.inside(sys.executable, "-c", _COUNT, device),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.by_sender: dict[str, int] = {}

    @property
    def count(self) -> int:
        return sum(self.by_sender.values())

    def __enter__(self) -> Self:
        assert self._listening.stdout
        assert self._listening.stdout.readline() == "listening\n"
        return self

    def __exit__(self, *exc: object) -> None:
        printed, _ = self._listening.communicate("enough\n", timeout=10)
        found = (field.split("=") for field in printed.split())
        self.by_sender = {mac: int(count) for mac, count in found}
