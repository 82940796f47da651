"""Traffic between two endpoints, and what became of it."""

import contextlib
import itertools
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.stock.namespaces import Endpoint

_STREAM = Path(__file__).with_name("stream.py")


@dataclass(frozen=True, slots=True)
class Pings:
    """What a series of echo requests came to."""

    sent: int
    received: int
    duplicates: int
    longest_gap: float
    "seconds between two replies, or from the last one to the end"
    back_at: float = 0.0
    "when that gap ended, Unix time"

    @property
    def lost(self) -> int:
        return self.sent - self.received


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer whose checksums agreed."""

    size: int
    "bytes"
    seconds: float

    @property
    def megabits(self) -> float:
        """Mbit/s"""
        return self.size * 8 / self.seconds / 1e6


class Pinging:
    """Echo requests every `interval` seconds for as long as the `with` block runs.

        with Pinging(alice, bob) as pinging:
            gateway.kill(); ...
        assert pinging.result.longest_gap < 2

    `result` is there when the block has ended.
    """

    result: Pings

    def __init__(self, source: Endpoint, target: Endpoint, interval: float = 0.05) -> None:
        # Not a pipe: nobody reads it before the end, and ping stops when one is full, after 36 s.
        self._printed = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed at our own end
        self._ping = subprocess.Popen(
            source.namespace.inside(*_echo(source, target, interval)),
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> "Pinging":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        ended = time.time()
        self._ping.send_signal(signal.SIGINT)
        self._ping.wait(timeout=10)
        with self._printed as file:
            file.seek(0)
            if kind is None:
                self.result = _read_pings(file.read(), ended)


def ping(source: Endpoint, target: Endpoint, *, count: int = 20, interval: float = 0.05) -> Pings:
    """Send `count` echo requests; wait a second at most for those that are late."""
    command = _echo(source, target, interval, "-c", str(count), "-W", "1")
    started = time.time()
    printed = source.namespace.run(*command, check=False)
    return _read_pings(printed, started + (count - 1) * interval)


def transfer(
    source: Endpoint, target: Endpoint, *, megabytes: int = 4, timeout: float = 60
) -> Transfer:
    """Send `megabytes` (of 10^6 bytes) over one TCP connection, compare checksums.

    Raises AssertionError if they differ, if bytes are missing or if it takes too long.
    """
    return _finish(*_begin(source, target, megabytes), timeout)


def exchange(
    one: Endpoint, other: Endpoint, *, megabytes: int = 4, timeout: float = 60
) -> tuple[Transfer, Transfer]:
    """Transfer in both directions at once; return what went from `one`, then what came."""
    there, back = _begin(one, other, megabytes), _begin(other, one, megabytes)
    return _finish(*there, timeout), _finish(*back, timeout)


def iperf(source: Endpoint, target: Endpoint, *, seconds: int = 3, streams: int = 1) -> float:
    """Return the Mbit/s iperf3 measured from `source` to `target`: to print, not to assert."""
    listen = target.namespace.inside("iperf3", "-s", "-1", "-B", target.ip, "--forceflush")
    with subprocess.Popen(listen, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            assert server.stdout
            while b"Server listening" not in server.stdout.readline():
                assert server.poll() is None, "iperf3 server ended"
            printed = source.namespace.run(
                *["iperf3", "-J", "-c", target.ip, "-B", source.ip],
                *["-t", str(seconds), "-P", str(streams)],
                timeout=seconds + 20,
            )
        finally:
            server.kill()
    return float(json.loads(printed)["end"]["sum_received"]["bits_per_second"]) / 1e6


def _echo(source: Endpoint, target: Endpoint, interval: float, *options: str) -> list[str]:
    """The ping command. Its usual send buffer holds few requests: a client that does not read
    its TAP device for a moment would stop ping as well (hence -S)."""
    ping = ["env", "LC_ALL=C", "ping", "-n", "-D", "-S", "200000", "-i", f"{interval:g}"]
    return [*ping, *options, "-I", source.ip, target.ip]


def _read_pings(printed: str, ended: float) -> Pings:
    """Read what `ping -D` printed; `ended` is when the last request was due, Unix time."""
    found = re.search(r"(\d+) packets transmitted, (\d+) received", printed)
    assert found, printed
    replies = [float(at) for at in re.findall(r"^\[([\d.]+)\] .*bytes from", printed, re.MULTILINE)]
    moments = [*replies, max(ended, *replies[-1:])] if replies else []
    gaps = [(later - sooner, later) for sooner, later in itertools.pairwise(moments)]
    longest, back_at = max(gaps, default=(float("inf"), 0.0))
    return Pings(
        sent=int(found[1]),
        received=int(found[2]),
        duplicates=printed.count("(DUP!)"),
        longest_gap=round(longest, 3),
        back_at=back_at,
    )


_Running = subprocess.Popen[str]


def _begin(source: Endpoint, target: Endpoint, megabytes: int) -> tuple[_Running, _Running]:
    """Start a receiver, then a sender that knows its TCP port."""
    receiver = _stream(target, "receive", target.ip)
    assert receiver.stdout
    tcp_port = receiver.stdout.readline().strip()
    assert tcp_port, receiver.communicate()
    return _stream(source, "send", target.ip, tcp_port, str(megabytes * 1_000_000)), receiver


def _stream(at: Endpoint, *arguments: str) -> _Running:
    command = at.namespace.inside(sys.executable, "-I", "-S", str(_STREAM), *arguments)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _finish(sender: _Running, receiver: _Running, timeout: float) -> Transfer:
    """Wait for both ends and compare what they say."""
    try:
        sent, _ = sender.communicate(timeout=timeout)
        received, _ = receiver.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"transfer not finished in {timeout:g} s") from error
    finally:
        for process in (sender, receiver):
            with contextlib.suppress(ProcessLookupError):  # the ordinary case
                process.kill()
            process.wait()
    assert sender.returncode == receiver.returncode == 0, f"sender: {sent}\nreceiver: {received}"
    size, digest, seconds = received.split()
    assert [size, digest] == sent.split()[:2], f"sent {sent}, received {received}"
    return Transfer(int(size), float(seconds))
