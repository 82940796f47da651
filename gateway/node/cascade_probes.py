"""What a cascade sends and takes beside frames: loop probes, and announcements of stations.

As a local bridge does, it probes whether what leaves by it comes back through our own hub
(`gateway/lan/loop.py` has the argument), and is shut while it does. A shut cascade keeps its
session and its port, and lets nothing but probes pass, marked: so whoever else is on the loop knows
that it is cut, and we see when it is gone.

Stations are announced when the session begins, because the other side may still look for them
behind the session of the node that ran this cascade before; and those that are new on our hub
afterwards, when we are told.
"""

import os
import time
from collections.abc import Callable, Sequence

from gateway.hub.port import Port
from gateway.hub.switch import Switch
from gateway.lan.announce import Announcer
from gateway.lan.loop import LoopGuard
from gateway.lan.probe import Probe, decode_probe, encode_probe
from gateway.node.bridge import AT_PROBES, as_runs, new_identity
from gateway.wire.blocks import Run, encode_blocks, iterate_frames
from gateway.wire.ethernet import PROBES


class CascadeProbes:
    """Of one session of a cascade; the guard outlives it."""

    def __init__(
        self,
        guard: LoopGuard,
        switch: Switch,
        port: Port,
        send: Callable[[bytes, int], None],
        changed: Callable[[], None],
    ) -> None:
        """`send(message, frames)` sends to the other side at once; `changed()` is told when the
        guard shut or opened."""
        self._guard = guard
        self._switch = switch
        self._port = port
        self._send = send
        self._changed = changed
        self._announcer = Announcer()
        self._announcer.add(
            [entry.mac for entry in switch.table if entry.port is not port], time.monotonic()
        )
        self._joining = 1
        self._storm = switch.dropped["broadcast-storm"]
        guard.hurry()

    @property
    def is_shut(self) -> bool:
        """Say whether nothing but probes may pass."""
        return self._guard.is_shut

    def watches(self, message: bytes) -> bool:
        """Say whether a message from the hub must go by `leave`."""
        return self._guard.is_shut or message[AT_PROBES] == PROBES

    def leave(self, message: bytes, frames: int) -> bool:
        """Let a message from the hub out to the other side, if it may; false: nothing to flush."""
        if message[AT_PROBES] == PROBES:
            for frame in iterate_frames(message):
                self._leave(frame)
        else:
            self._switch.drop(self._port, "loop", frames)
        return False

    def enter(self, runs: Sequence[Run]) -> list[Run]:
        """Return what of runs from the other side goes into the hub: all but own probes, and
        nothing else but probes while shut."""
        entering: list[Run] = []
        for run in runs:
            addresses, frames, _size, message = run
            if addresses[:6] == PROBES:
                kept = [k for frame in iterate_frames(message) if (k := self._enter(frame))]
                entering += as_runs(kept) if kept else []
            elif self._guard.is_shut:
                self._switch.drop(self._port, "loop", frames)
            else:
                entering.append(run)
        return entering

    def withdraw(self, macs: Sequence[bytes]) -> None:
        """Announce them no more."""
        self._announcer.forget(macs)

    def announce(self, macs: Sequence[bytes], now: float) -> None:
        """Let the other side learn that stations are behind our hub."""
        self._announcer.add(macs, now)
        self._send_announcements(now)

    def tick(self, now: float) -> None:
        """Probe, open again, announce: whatever is due."""
        self._send_announcements(now)
        joining = sum(port.joins for port in self._switch.ports)
        if joining > self._joining:
            self._guard.hurry()
        self._joining = joining
        storm = self._switch.dropped["broadcast-storm"]
        if self._guard.is_due(now, is_alone=joining < 2, is_storm=storm > self._storm):
            self._storm = storm
            self._send_frames([encode_probe(self._guard.make(os.urandom(8), now))])
        if self._guard.heals(now):
            self._changed()

    def _leave(self, frame: bytes) -> None:
        probe = decode_probe(frame)
        if probe is None:
            return
        if not self._guard.is_own(probe):
            self._send_frames([encode_probe(self._marked(probe))])
        elif self._guard.returned(probe, time.monotonic()):
            self._switch.table.forget_port(self._port)
            self._changed()

    def _enter(self, frame: bytes) -> bytes | None:
        probe = decode_probe(frame)
        if probe is None:
            return None if self._guard.is_shut else frame
        if self._guard.is_own(probe):
            self._guard.reflected += 1
            return None
        return encode_probe(self._marked(probe))

    def _marked(self, probe: Probe) -> Probe:
        return probe.cut_by(self._guard.port) if self._guard.is_shut else probe

    def _send_announcements(self, now: float) -> None:
        if self._announcer and not self._guard.is_shut:
            self._send_frames(self._announcer.take(now))

    def _send_frames(self, frames: Sequence[bytes]) -> None:
        if frames:
            self._send(encode_blocks(frames), len(frames))


def new_guard() -> LoopGuard:
    """Return the guard of a cascade that begins now: it gives way to those begun before."""
    identity = new_identity()
    return LoopGuard(identity, b"\x02" + identity[-5:])
