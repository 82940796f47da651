"""Traffic of the quickstart without root: alice and bob in this process, over real TLS connections.

    quickstart_user_space.py TCP_PORT HUB

Reads tests from standard input, `echo COUNT`, `transfer MEGABYTES` or `crash COUNT`, and answers
each with a line, `ok ...` or `failed ...`. Frames carry an ethertype for local experiments and a
number; bob sends each back to alice.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402  # nothing may import sockets before the patch
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from itertools import pairwise  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObjectThread  # noqa: E402

from gateway import logs  # noqa: E402
from gateway.client.account import Account  # noqa: E402
from gateway.client.dial import Trust  # noqa: E402
from gateway.client.keeper import Keeper  # noqa: E402
from gateway.client.resolve import EndpointRing, Target  # noqa: E402
from gateway.client.session import ClientSession  # noqa: E402
from gateway.transport.contexts import client_context  # noqa: E402
from gateway.wire.blocks import Run, encode_blocks, iterate_frames  # noqa: E402

MACS = {"alice": b"\x02\x00\x00\x00\x00\x0a", "bob": b"\x02\x00\x00\x00\x00\x0b"}
ETHERTYPE = b"\x88\xb5"  # IEEE 802: local experimental
BATCH = 16
WINDOW = 256  # frames on their way at once
GIVE_UP_S = 20.0


class Failed(Exception):
    """A test did not pass; the text says how."""


class Pair:
    """Alice, who asks, and bob, who sends back what he gets; both log in again if need be."""

    def __init__(self, tcp_port: int, hub: str) -> None:
        self.answered: dict[int, float] = {}
        self._alice = _join(tcp_port, hub, "alice", self._count)
        self._bob = _join(tcp_port, hub, "bob", self._send_back)
        while not (self._alice.session and self._bob.session):
            gevent.sleep(0.01)

    @property
    def alice(self) -> ClientSession:
        assert self._alice.session is not None
        return self._alice.session

    @property
    def bob(self) -> ClientSession:
        assert self._bob.session is not None
        return self._bob.session

    def close(self) -> None:
        self._alice.stop()
        self._bob.stop()

    def ask(self, first: int, count: int, size: int) -> None:
        """Send `count` numbered frames of `size` bytes from alice to bob."""
        head = MACS["bob"] + MACS["alice"] + ETHERTYPE
        rest = bytes(size - len(head) - 4)
        frames = [head + n.to_bytes(4, "big") + rest for n in range(first, first + count)]
        self.alice.send(encode_blocks(frames), count)
        self.alice.flush()

    def _send_back(self, runs: Sequence[Run]) -> None:
        for _, frames, _, message in runs:
            swapped = [f[6:12] + f[:6] + f[12:] for f in iterate_frames(message)]
            self.bob.send(encode_blocks(swapped), frames)
        self.bob.flush()

    def _count(self, runs: Sequence[Run]) -> None:
        now = time.perf_counter()
        for _, _, _, message in runs:
            for frame in iterate_frames(message):
                self.answered[int.from_bytes(frame[14:18], "big")] = now

    def wait(self, count: int, until: float) -> None:
        """Wait until `count` frames are back or `until` has come."""
        while len(self.answered) < count and time.perf_counter() < until:
            gevent.sleep(0.0005)


def _join(tcp_port: int, hub: str, user: str, receive: Callable[[Sequence[Run]], None]) -> Keeper:
    keeper = Keeper(
        EndpointRing(Target("127.0.0.1", tcp_port)),
        Account.of(hub, user, os.environ[f"PASSWORD_{user.upper()}"]),
        Trust(client_context()),
        receive=receive,
        joined=lambda session: None,
        left=lambda session: None,
    )
    gevent.spawn(keeper.run)
    return keeper


def echo(pair: Pair, count: int) -> str:
    """One frame after the other."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        pair.ask(number, 1, 64)
        pair.wait(number + 1, began + 5)
        if number not in pair.answered:
            raise Failed(f"frame {number} of {count} was lost")
        times.append((pair.answered[number] - began) * 1000)
    return f"{count} frames there and back: {sorted(times)[count // 2]:.2f} ms median, none lost"


def transfer(pair: Pair, megabytes: int) -> str:
    """As many full frames as make up `megabytes`, a window of them on their way at once."""
    total = megabytes * 1_000_000 // 1514 // BATCH * BATCH
    began = time.perf_counter()
    sent = 0
    while sent < total:
        pair.ask(sent, BATCH, 1514)
        sent += BATCH
        pair.wait(sent - WINDOW, began + GIVE_UP_S)
        gevent.sleep(0)
    pair.wait(total, began + GIVE_UP_S)
    took = time.perf_counter() - began
    if len(pair.answered) < total:
        raise Failed(f"{total - len(pair.answered)} of {total} frames were lost")
    rate = megabytes * 8 / took
    amount = f"{total} frames ({megabytes} MB)"
    return f"{amount} there and back in {took:.2f} s: {rate:.0f} Mbit/s each way"


def crash(pair: Pair, count: int) -> str:
    """A frame every 50 ms, whatever happens meanwhile."""
    began = time.perf_counter()
    for number in range(count):
        pair.ask(number, 1, 64)
        gevent.sleep(0.05)
    pair.wait(count, time.perf_counter() + 5)
    times = sorted([began, *pair.answered.values()])
    gap = max(b - a for a, b in pairwise(times))
    lost = count - len(pair.answered)
    return f"{count} frames, one each 50 ms: {lost} lost, longest gap {gap:.2f} s"


def main() -> None:
    """Join, then answer requests until there are no more."""
    logs.configure("error")
    pair = Pair(int(sys.argv[1]), sys.argv[2])
    print("ready", flush=True)
    tests = {"echo": echo, "transfer": transfer, "crash": crash}
    # Standard input is waited for beside the loop: frames and keep-alives go on meanwhile.
    for line in FileObjectThread(sys.stdin):
        name, number = line.split()
        pair.answered.clear()
        try:
            print("ok", tests[name](pair, int(number)), flush=True)
        except Failed as error:
            print("failed", error, flush=True)
    pair.close()


if __name__ == "__main__":
    main()
