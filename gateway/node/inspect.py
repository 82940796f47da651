"""The inspecting path: frames of a port about which rules ask something.

A run is judged frame by frame, and goes on as it came when all of it passes; only a run of which
some frames are dropped is written anew. What frames pass without a rule is not in this file: a port
without an `entry` never comes here, one without an `exit` is its own sink.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from gateway.hub.access import DROPPED
from gateway.hub.frame_facts import flow_key, read_facts
from gateway.hub.impairment import Impairment
from gateway.hub.judge import PASSES, URGENT, Judge
from gateway.hub.port import Port
from gateway.hub.redirection import redirect
from gateway.hub.rewrite import add_tag, remove_tag, without_default_router
from gateway.hub.rules import Entry, Exit
from gateway.hub.switch import Switch
from gateway.wire.blocks import Run, encode_blocks, iterate_frames

_u32 = Struct(">I").unpack_from


def forward_inspected(
    switch: Switch,
    port: Port,
    entry: Entry,
    runs: Sequence[Run],
    now: float,
    touched: list[Any],
) -> None:
    """Forward what of `runs` the rules let pass; add those to flush to `touched`."""
    for run in runs:
        admitted = admit(switch, port, entry, run, now, touched)
        if admitted is not None:
            _spread(switch, port, entry, admitted, now, touched)


def _spread(
    switch: Switch, port: Port, entry: Entry, run: Run, now: float, touched: list[Any]
) -> None:
    """Forward a run that came in to every port it may leave by."""
    addresses, frames, size, message = run
    for target in switch.forward(port, addresses, frames, size, now):
        judge = (
            entry.towards(target, switch.rules.terms_of(target)) if entry.asks_destination else None
        )
        if judge is None:
            if target.sink.deliver(message, frames):  # type: ignore[attr-defined]  # opaque
                touched.append(target.sink)
            continue
        dropped = _judge_all(judge, addresses, message)
        for reason, count in Counter(dropped.values()).items():
            impairment = entry.impairments.get(reason)
            if impairment is None:
                switch.drop(port, reason, count)
                continue
            for frame in _only(message, dropped, reason):
                _leave_late(switch, port, target, frame, impairment)
        if len(dropped) < frames:
            part = _without(message, dropped) if dropped else message
            if target.sink.deliver(part, frames - len(dropped)):  # type: ignore[attr-defined]
                touched.append(target.sink)


def _come_in_late(switch: Switch, port: Port, frame: bytes, impairment: Impairment) -> None:
    """Let one frame come in by `port` when it arrives, if it does."""
    addresses, size = frame[:12], len(frame)

    def arrive(now: float) -> None:
        entry, touched = port.entry, list[Any]()
        tagged = add_tag(frame, entry.vlan) if entry is not None and entry.vlan else frame
        message = encode_blocks([tagged])
        if entry is not None:
            _spread(switch, port, entry, (addresses, 1, len(tagged), message), now, touched)
        else:
            for target in switch.forward(port, addresses, 1, size, now):
                if target.sink.deliver(message, 1):  # type: ignore[attr-defined]  # opaque
                    touched.append(target.sink)
        for sink in touched:
            sink.flush()

    if reason := switch.rules.impair(impairment, size, arrive):
        switch.refuse(port, addresses, reason, 1, size)


def _leave_late(
    switch: Switch, port: Port, target: Port, frame: bytes, impairment: Impairment
) -> None:
    """Let one frame from `port` leave by `target` alone when it arrives, if it does."""

    def arrive(_now: float) -> None:
        if not switch.has(target):
            switch.drop(port, "detached", 1)
        elif target.sink.deliver(encode_blocks([frame]), 1):  # type: ignore[attr-defined]
            target.sink.flush()  # type: ignore[attr-defined]  # opaque

    if reason := switch.rules.impair(impairment, len(frame), arrive):
        switch.drop(port, reason, 1)


def admit(
    switch: Switch, port: Port, entry: Entry, run: Run, now: float, touched: list[Any]
) -> Run | None:
    """Return what of a run comes in, as a run; None if nothing does. Drops are counted.

    Who sent it may be answered: then he is added to `touched`.
    """
    addresses, frames, size, message = run
    if entry.is_stateful:

        def settle(verdict: str, key: bytes | None, frame: bytes) -> str:
            return entry.settle(verdict, key, frame, now)

        dropped = _judge_all(entry.judge, addresses, message, settle)
    else:
        dropped = _judge_all(entry.judge, addresses, message)
    if dropped and entry.redirections:
        message, dropped = _redirect(switch, port, entry, message, dropped, touched)
        size = sum(map(len, iterate_frames(message)))
        run = addresses, frames, size, message
    if not dropped and not entry.vlan:
        return run
    if dropped:
        lost = 0
        for reason in set(dropped.values()):
            taken = _only(message, dropped, reason)
            octets = sum(map(len, taken))
            impairment = entry.impairments.get(reason)
            if impairment is None:
                switch.refuse(port, addresses, reason, len(taken), octets)
            else:
                for frame in taken:
                    _come_in_late(switch, port, frame, impairment)
            lost += octets
        frames -= len(dropped)
        if not frames:
            return None
        message, size = _without(message, dropped), size - lost
    if entry.vlan:
        tagged = [add_tag(frame, entry.vlan) for frame in iterate_frames(message)]
        message, size = encode_blocks(tagged), sum(map(len, tagged))
    return addresses, frames, size, message


def _redirect(
    switch: Switch,
    port: Port,
    entry: Entry,
    message: bytes,
    dropped: dict[int, str],
    touched: list[Any],
) -> tuple[bytes, dict[int, str]]:
    """Answer questions that are redirected; return the run with resets in their place, and the
    verdicts that are left. They wait for their turn at what limits the port, as any frame does,
    but the answer comes back past the filters of its exit: no rule is about it."""
    frames = [bytes(frame) for frame in iterate_frames(message)]
    left: dict[int, str] = {}
    for number, verdict in dropped.items():
        redirection = entry.redirections.get(verdict)
        if redirection is None:
            left[number] = verdict
            continue
        visitor = switch.rules.visitor_of(port)
        redirected = redirect(frames[number], redirection.url, visitor or "")
        if redirected is None:
            if redirection.otherwise:
                left[number] = redirection.otherwise
        elif visitor is None:
            left[number] = DROPPED
        else:
            frames[number] = redirected.reset
            switch.drop(port, "redirected", 1)
            port.sent.add(False, 1, len(redirected.answer))
            if port.owner.deliver(encode_blocks([redirected.answer]), 1):  # type: ignore[attr-defined]  # opaque
                touched.append(port.owner)
    return encode_blocks(frames), left


class ExitSink:
    """Stands before the owner of a port: passes on what may leave by it."""

    __slots__ = ("_exit", "_owner", "_port", "_switch")

    def __init__(self, switch: Switch, port: Port, exit: Exit) -> None:
        self._switch = switch
        self._port = port
        self._exit = exit
        self._owner = port.owner

    def deliver(self, message: bytes, frames: int) -> bool:
        """Take a message of `frames` frames; true when `flush` must be called after the chunk."""
        exit = self._exit
        settle = _limited(exit) if exit.bucket is not None else None
        dropped = _judge_all(exit.judge, message[8:20], message, settle)
        if dropped:
            for reason, count in Counter(dropped.values()).items():
                self._switch.drop(self._port, reason, count)
            frames -= len(dropped)
            if not frames:
                return False
            message = _without(message, dropped)
        if exit.vlan or exit.no_default_router:
            kept = self._rewritten(message)
            if len(kept) < frames:
                self._switch.drop(self._port, "other-vlan", frames - len(kept))
            if not kept:
                return False
            message, frames = encode_blocks(kept), len(kept)
        return bool(self._owner.deliver(message, frames))  # type: ignore[attr-defined]  # opaque

    def flush(self) -> None:
        """Send what was delivered."""
        self._owner.flush()  # type: ignore[attr-defined]  # opaque to the hub

    def _rewritten(self, message: bytes) -> list[bytes]:
        exit = self._exit
        kept: list[bytes] = []
        for frame in iterate_frames(message):
            if exit.no_default_router and frame[12:14] == b"\x86\xdd":
                frame = without_default_router(frame, read_facts(frame))
            untagged = remove_tag(frame, exit.vlan) if exit.vlan else frame
            if untagged is not None:
                kept.append(untagged)
        return kept


def place_sink(switch: Switch) -> Callable[[Port], None]:
    """Return what puts the right sink on a port of `switch` whose `exit` has changed."""

    def place(port: Port) -> None:
        port.sink = port.owner if port.exit is None else ExitSink(switch, port, port.exit)

    return place


def _limited(exit: Exit) -> Callable[[str, bytes | None, bytes], str]:
    """Return what holds frames to the bandwidth of a port's exit."""
    bucket, now = exit.bucket, time.monotonic()

    def settle(verdict: str, _key: bytes | None, frame: bytes) -> str:
        if verdict is not PASSES or bucket is None:
            return verdict
        return PASSES if bucket.take(len(frame), now) else "download-limit"

    return settle


def _judge_all(
    judge: Judge,
    addresses: bytes,
    message: bytes,
    settle: Callable[[str, bytes | None, bytes], str] | None = None,
) -> dict[int, str]:
    """Return which frames of a run's `message` are dropped, by number, and why.

    The hot loop of this path: a frame is not even cut out when its flow is known.
    """
    dropped: dict[int, str] = {}
    flows = judge.flows(addresses)
    verdict_of = flows.get
    position, number, end = 0, 0, len(message)
    while position < end:
        (count,) = _u32(message, position)
        position += 4
        for _ in range(count):
            (size,) = _u32(message, position)
            at = position + 4
            position = at + size
            key = flow_key(message, at, size)
            verdict = verdict_of(key)
            if verdict is None:
                verdict = judge.judge(flows, key, message[at:position])
            if settle is not None:
                verdict = settle(verdict, key, message[at:position])
            if verdict and verdict is not URGENT:
                dropped[number] = verdict
            number += 1
    return dropped


def _only(message: bytes, dropped: dict[int, str], reason: str) -> list[bytes]:
    """Return the frames of `message` that have this verdict."""
    frames = enumerate(iterate_frames(message))
    return [bytes(frame) for i, frame in frames if dropped.get(i) == reason]


def _without(message: bytes, dropped: dict[int, str]) -> bytes:
    """Return `message` without some of its frames."""
    return encode_blocks(
        [frame for i, frame in enumerate(iterate_frames(message)) if i not in dropped]
    )
