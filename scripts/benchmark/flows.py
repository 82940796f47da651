"""Flows: what stations of one load process do, driven by its loop.

Each flow says which stations it has; the loop calls `readable` and `writable` when they are, `tick`
every few milliseconds. Closed-loop flows keep a number of bytes on their way; open-loop ones do not
care what arrives.
"""

import time
from typing import Any, Protocol

from gateway.wire.blocks import encode_blocks
from scripts.benchmark.counters import Counters
from scripts.benchmark.station import BROADCAST, SEND_BYTES, Station, frame

STALLED_S = 0.25  # nothing came for so long: what is missing was dropped


class Flow(Protocol):
    """What the loop knows of a flow."""

    stations: list[Station]

    def start(self) -> None:
        """Begin, or go on after a pause; every station is known to the hub."""

    def pause(self) -> None:
        """Send no more; what is on its way still arrives."""

    def readable(self, station: Station) -> None:
        """Take what came."""

    def writable(self, station: Station) -> None:
        """Go on: everything pending has left."""

    def tick(self, now: float) -> None:
        """Look after what no event tells."""

    def result(self) -> dict[str, Any]:
        """Return what the counters do not show, since the last start."""


class ClosedLoop:
    """One sender with `window` bytes of frames on their way to each of its receivers."""

    def __init__(self, sender: Station, receivers: list[Station], counters: Counters, job: Any):
        self.stations = [sender, *receivers]
        self._sender = sender
        self._copies = len(receivers)
        self._counters = counters
        to = receivers[0].mac if self._copies == 1 else BROADCAST
        self._message = encode_blocks([frame(to, sender.mac, job["size"])] * job["batch"])
        self._frames = job["batch"]
        self._octets = job["batch"] * job["size"]
        self._window = job["window"] * self._copies
        self._on_way = 0
        self._heard_at = 0.0  # 0: not running; what comes then is late or an introduction

    def start(self) -> None:
        self._heard_at = time.monotonic()
        self._on_way = 0
        self._fill()

    def pause(self) -> None:
        self._heard_at = 0.0

    def readable(self, station: Station) -> None:
        frames, octets = station.receive()
        if octets and self._heard_at and station is not self._sender:
            self._on_way -= octets
            self._heard_at = time.monotonic()
            self._counters.received(frames, octets)
            if not self._sender.is_blocked:
                self._fill()

    def writable(self, station: Station) -> None:
        if self._heard_at:
            self._fill()

    def tick(self, now: float) -> None:
        if self._heard_at and now - self._heard_at > STALLED_S and not self._sender.is_blocked:
            self._counters.lost(self._on_way * self._frames // self._octets)
            self._on_way = 0
            self._heard_at = now
            self._fill()

    def _fill(self) -> None:
        room = min((self._window - self._on_way) // self._copies, SEND_BYTES)
        # A message larger than the window goes alone, or nothing ever would.
        times = room // self._octets or int(self._on_way <= 0)
        if times > 0:
            self._on_way += times * self._octets * self._copies
            self._counters.sent(times * self._frames)
            self._sender.send(self._message, times)

    def result(self) -> dict[str, Any]:
        return {"tls": self._sender.describe()}


class OpenLoop:
    """A sender that sends all the kernel takes, or `rate` bytes a second of it."""

    def __init__(self, sender: Station, to: bytes, counters: Counters, job: Any):
        self.stations = [sender]
        self._sender = sender
        self._counters = counters
        self._message = encode_blocks([frame(to, sender.mac, job["size"])] * job["batch"])
        self._frames = job["batch"]
        self._octets = job["batch"] * job["size"]
        self._rate = job.get("rate", 0)
        self._owed = 0.0
        self._paid_at = 0.0
        self._is_running = False

    def start(self) -> None:
        self._is_running = True
        self._paid_at = time.monotonic()
        self.writable(self._sender)

    def pause(self) -> None:
        self._is_running = False

    def readable(self, station: Station) -> None:
        station.receive()

    def writable(self, station: Station) -> None:
        # Until the kernel is full, so that we are called again; not for ever if it never is.
        for _ in range(16):
            if self._rate or self._sender.is_blocked or not self._is_running:
                return
            self._send(64 * 1024 // self._octets or 1)

    def tick(self, now: float) -> None:
        if not self._rate or not self._is_running:
            self.writable(self._sender)
            return
        self._owed = min(self._owed + (now - self._paid_at) * self._rate, self._rate * 0.1)
        self._paid_at = now
        times = int(self._owed // self._octets)
        if times and not self._sender.is_blocked:
            self._owed -= times * self._octets
            self._send(times)

    def _send(self, times: int) -> None:
        self._counters.sent(times * self._frames)
        self._sender.send(self._message, times)

    def result(self) -> dict[str, Any]:
        return {}


class Sink:
    """Receivers that count; with `pause_s` slow ones, which read once in so many seconds."""

    def __init__(self, receivers: list[Station], counters: Counters, job: Any):
        self.stations = receivers
        self._counters = counters
        self._pause_s = job.get("pause_s", 0.0)

    def start(self) -> None:
        return

    def pause(self) -> None:
        return

    def readable(self, station: Station) -> None:
        self._counters.received(*station.receive())
        if self._pause_s:
            time.sleep(self._pause_s)  # this process has nothing else to do

    def writable(self, station: Station) -> None:
        return

    def tick(self, now: float) -> None:
        return

    def result(self) -> dict[str, Any]:
        return {}


class RoundTrips:
    """One request on its way at a time: asked by one station, sent back by another."""

    def __init__(self, asking: Station, answering: Station, counters: Counters, job: Any):
        self.stations = [asking, answering]
        self._asking, self._answering = asking, answering
        self._counters = counters
        self._request = encode_blocks([frame(answering.mac, asking.mac, job["size"])])
        self._answer = encode_blocks([frame(asking.mac, answering.mac, job["size"])])
        self._asked_at = 0.0
        self.times: list[float] = []  # seconds

    def start(self) -> None:
        self.times = []
        self._ask()

    def pause(self) -> None:
        self._asked_at = 0.0

    def readable(self, station: Station) -> None:
        frames, octets = station.receive()
        if not frames or not self._asked_at:
            return
        if station is self._answering:
            station.send(self._answer)
            return
        self.times.append(time.perf_counter() - self._asked_at)
        self._counters.received(frames, octets)
        self._ask()

    def writable(self, station: Station) -> None:
        return

    def tick(self, now: float) -> None:
        if self._asked_at and time.perf_counter() - self._asked_at > 1.0:
            self._counters.lost(1)
            self._ask()

    def _ask(self) -> None:
        self._counters.sent(1)
        self._asked_at = time.perf_counter()
        self._asking.send(self._request)

    def result(self) -> dict[str, Any]:
        return {"times": self.times}
