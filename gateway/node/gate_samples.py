"""What an invariant checker sees of a node: every 5 ms, which hubs it could forward frames of.

For tests only. With ETHERFLEET_GATE_SAMPLES=FILE in its environment a node appends to
`FILE.<pid>`, one line per dynamic hub alive here:

    <monotonic s> <node> <hub> <epoch> <deadline of its gate, monotonic s>

and a line with hub `-` in each round, so that silence is seen as such. All processes of one machine
have the same monotonic clock, so samples of several nodes can be laid side by side. A hub is alive
where sessions of it are; frames of them pass while the time is before the deadline.

ETHERFLEET_GATE_SHIFT_S=SECONDS breaks the gate on purpose, so that the checker can be checked.
"""

import os
import time
from collections.abc import Callable, Mapping

import gevent

from coordinator.model import HubKind
from gateway.node.hubs import Hubs
from gateway.transport.gate import Gate

EVERY_S = 0.005


class LateGate(Gate):
    """A gate that closes too late: a fault to be found."""

    __slots__ = ("_deadline", "_shift_s")

    def __init__(self, shift_s: float) -> None:
        self._shift_s = shift_s
        super().__init__()

    @property
    def deadline(self) -> float:
        return self._deadline

    @deadline.setter
    def deadline(self, deadline: float) -> None:
        self._deadline = deadline + self._shift_s


def make_gate(environment: Mapping[str, str] = os.environ) -> Gate:
    """Return a gate; a broken one where samples are taken and the environment asks for it."""
    shift_s = float(environment.get("ETHERFLEET_GATE_SHIFT_S", "0") or 0)
    if shift_s and environment.get("ETHERFLEET_GATE_SAMPLES"):
        return LateGate(shift_s)
    return Gate()


def sample(path: str, node: str, hubs: Hubs, epochs: Callable[[], Mapping[str, int]]) -> None:
    """Append samples to `path` with our process id until killed."""
    file = os.open(f"{path}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        while True:
            os.write(file, _lines(node, hubs, epochs()).encode())
            gevent.sleep(EVERY_S)
    finally:
        os.close(file)


def _lines(node: str, hubs: Hubs, epochs: Mapping[str, int]) -> str:
    now = time.monotonic()
    lines = [f"{now:.6f} {node} - 0 0\n"]
    for name, live in hubs.alive.items():
        if live.hub.kind is HubKind.DYNAMIC:
            live.gate.look(now)  # as the next frame would
            deadline = f"{live.gate.deadline:.6f}"
            lines.append(f"{now:.6f} {node} {name} {epochs.get(name, 0)} {deadline}\n")
    return "".join(lines)
