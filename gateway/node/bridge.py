"""A local bridge: one hub's port that is a host interface, a network card or a TAP device.

In: the loop calls when the interface has frames; they go to the hub by the batch, one run for
neighbours with the same addresses, all within the call. Out: what the hub delivers is written at
once; the kernel queues, and what it cannot take is dropped and counted.

Beside frames it does three things, by one timer: announces stations that are here now (`announce`
in gateway/lan), looks for loops (`loop`), and counts what the kernel had to drop.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gevent
import structlog

from gateway.client.port import EthernetPort, PortError
from gateway.hub.port import Port
from gateway.hub.switch import Switch
from gateway.lan.announce import Announcer
from gateway.lan.loop import LoopGuard
from gateway.lan.probe import Probe, decode_probe, encode_probe
from gateway.node.outlet import carry
from gateway.transport.gate import Gate
from gateway.transport.timer import Timer
from gateway.wire.blocks import Run, encode_blocks, iterate_frames
from gateway.wire.ethernet import PROBES

log = structlog.get_logger()

BATCH_FRAMES = 64
MOST_BATCHES = 8  # in one call of the loop: others want their turn
TICK_S = 0.2
AT_PROBES = slice(8, 14)  # of a message: behind its count and the size of its first block


class HostPort(EthernetPort, Protocol):
    """An Ethernet port that counts what it drops, by reason."""

    drops: Counter[str]


class Bridge:
    """One bridge; an outlet of its hub."""

    keeps_hub = False

    def __init__(
        self,
        hub: str,
        device: str,
        ethernet: HostPort,
        switch: Switch,
        gate: Gate,
        changed: Callable[[], None],
    ) -> None:
        """Takes `ethernet` over. `changed()` is told, without waiting, when it shut or opened
        because of a loop, and when its interface went away."""
        self.device = device
        self.error = ""
        """Why no frame passes any more; empty: they do."""
        self.ethernet = ethernet
        self._switch = switch
        self._gate = gate
        self._changed = changed
        self._log = log.bind(hub=hub, interface=device)
        self.port: Port = switch.attach(self, joins=True)
        identity = new_identity()
        self.guard = LoopGuard(identity, b"\x02" + identity[-5:])
        self._announcer = Announcer()
        self._seen = _Seen()
        descriptor = ethernet.fileno()
        loop = gevent.get_hub().loop
        self._watcher: Any = None if descriptor is None else loop.io(descriptor, 1)
        if self._watcher is not None:
            self._watcher.start(self._readable)
        else:
            ethernet.on_readable = self._readable
        self._timer = Timer(self._tick)
        self._timer.set(0.0)

    # -- the hub's side -----------------------------------------------------------------------

    def deliver(self, message: bytes, frames: int) -> bool:
        """Send a message's frames; nothing is left to be flushed."""
        if self.error:
            self._switch.drop(self.port, "lan-gone", frames)
        elif message[AT_PROBES] == PROBES:
            for frame in iterate_frames(message):
                self._send_probe(frame)
        elif self.guard.is_shut:
            self._switch.drop(self.port, "loop", frames)
        else:
            self._write(list(iterate_frames(message)))
        return False

    def flush(self) -> None:
        """Nothing waits here."""

    def withdraw(self, macs: Sequence[bytes]) -> None:
        self._announcer.forget(macs)

    def announce(self, macs: Sequence[bytes]) -> None:
        """Let the LAN learn at once that these stations are here."""
        self._announcer.add(macs, time.monotonic())
        self._send_announcements(time.monotonic())

    def end(self, reason: str) -> None:
        """Leave the hub and close the interface."""
        self._timer.cancel()
        self._rest()
        self._switch.detach(self.port)
        self.ethernet.close()
        self._log.info("bridge down", why=reason)

    # -- the LAN's side ---------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            for _ in range(MOST_BATCHES):
                frames = self.ethernet.read_frames(BATCH_FRAMES)
                if not frames:
                    break
                self._receive(frames)
                if len(frames) < BATCH_FRAMES:
                    break
            else:
                if self._watcher is None and not self.error:  # nobody else would call again
                    gevent.get_hub().loop.run_callback(self._readable)
        except PortError as error:
            self._lose(error)
        except Exception:  # a fault of ours ends this bridge alone
            self._log.exception("bridge failed by a fault of ours")
            self._lose(PortError("a fault of ours, see the log"))

    def _receive(self, frames: list[bytes]) -> None:
        now = time.monotonic()
        if self.guard.is_shut or any(frame[:6] == PROBES for frame in frames):
            frames = [kept for frame in frames if (kept := self._filter(frame)) is not None]
        if frames:
            carry(self._switch, self._gate, self.port, as_runs(frames), now)

    def _filter(self, frame: bytes) -> bytes | None:
        """Return what of a frame goes into the hub: all but own probes, and nothing else but
        probes while shut."""
        probe = decode_probe(frame) if frame[:6] == PROBES else None
        if probe is None:
            if self.guard.is_shut:
                self._switch.drop(self.port, "loop", 1)
            return None if self.guard.is_shut else frame
        if self.guard.is_own(probe):
            self.guard.reflected += 1
            return None
        return encode_probe(probe.cut_by(self.guard.port)) if self.guard.is_shut else frame

    def _write(self, frames: list[bytes]) -> None:
        try:
            accepted = self.ethernet.write_frames(frames)
        except PortError as error:
            self._lose(error)
            return
        if accepted < len(frames):
            self._count_drops()

    def _lose(self, error: PortError) -> None:
        self.error = str(error)
        self._rest()
        self._changed()

    def _rest(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        self.ethernet.on_readable = None

    # -- by the timer -----------------------------------------------------------------------------

    def _tick(self) -> None:
        now = time.monotonic()
        self._timer.set(TICK_S)
        if self.error or (now >= self._gate.deadline and not self._gate.look(now)):
            return
        self._announcer.add(self._learned(now), now)
        self._send_announcements(now)
        self._guard_loops(now)
        self._count_drops()

    def _learned(self, now: float) -> list[bytes]:
        """Return the stations behind other ports that were learned since the last call: their
        first frames may have gone elsewhere than to the LAN."""
        table, seen = self._switch.table, self._seen
        changes = table.learned + table.moved
        since, seen.at = seen.at, now
        if changes == seen.changes:
            return []
        seen.changes = changes
        return [
            entry.mac
            for entry in table
            if entry.learned >= since
            and entry.port is not None
            and not isinstance(entry.port.owner, Bridge)
        ]

    def _send_announcements(self, now: float) -> None:
        is_mute = self.error or self.guard.is_shut or now >= self._gate.deadline
        if self._announcer and not is_mute:
            self._write(self._announcer.take(now))

    def _guard_loops(self, now: float) -> None:
        seen, guard = self._seen, self.guard
        joining = sum(port.joins for port in self._switch.ports)
        if joining > seen.joining:
            guard.hurry()
        storm = self._switch.dropped["broadcast-storm"]
        if guard.is_due(now, is_alone=joining < 2, is_storm=storm > seen.storm):
            seen.storm = storm
            self._write([encode_probe(guard.make(os.urandom(8), now))])
        seen.joining = joining
        if guard.heals(now):
            self._log.info("bridge opened again: no loop any more")
            self._changed()

    def _send_probe(self, frame: bytes) -> None:
        """Let a probe that came through the hub out into the LAN, unless it was there already."""
        probe = decode_probe(frame)
        if probe is None:
            return
        if not self.guard.is_own(probe):
            self._write([encode_probe(self._marked(probe))])
        elif self.guard.returned(probe, time.monotonic()):
            self._switch.table.forget_port(self.port)
            self._log.warning("bridge shut: its own frames come back through the hub, a loop")
            self._changed()

    def _marked(self, probe: Probe) -> Probe:
        return probe.cut_by(self.guard.port) if self.guard.is_shut else probe

    def _count_drops(self) -> None:
        drops = self.ethernet.drops
        for reason, frames in list(drops.items()):
            self._switch.drop(self.port, reason, frames)
            del drops[reason]


@dataclass(slots=True)
class _Seen:
    """What the last tick saw."""

    at: float = 0.0
    changes: int = 0
    joining: int = 1
    storm: int = 0


def as_runs(frames: Sequence[bytes]) -> list[Run]:
    """Return frames as runs: neighbours with the same addresses together."""
    runs: list[Run] = []
    first, current = 0, frames[0][:12]
    for index, frame in enumerate(frames):
        if frame[:12] != current:
            runs.append(_as_run(current, frames[first:index]))
            first, current = index, frame[:12]
    runs.append(_as_run(current, frames[first:]))
    return runs


def _as_run(addresses: bytes, frames: Sequence[bytes]) -> Run:
    return addresses, len(frames), sum(map(len, frames)), encode_blocks(frames)


def new_identity() -> bytes:
    """Return an id that is higher than those of bridges begun before, and like no other's."""
    return (time.time_ns() // 1_000_000).to_bytes(6, "big")[-5:] + os.urandom(3)
