"""The ports of a hub that are no session: a host interface, a cascade to another hub.

An outlet has what a session's port has: frames come in by `carry` and leave by `deliver` and
`flush`. It stands as long as its hub does here. The hub's end (offline, deleted, lost to another
owner) ends its outlets, the last thing of all; whoever made an outlet hears of a hub that is raised
again and makes it anew. An outlet that keeps its hub is a use of it, as a session is: a dynamic hub
with one is not given up as idle.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.hub.port import Port
from gateway.hub.switch import Switch
from gateway.node.inspect import forward_inspected
from gateway.transport.gate import Gate
from gateway.wire.blocks import Run


class PortOwner(Protocol):
    """What stands behind every port of a live hub."""

    def deliver(self, message: bytes, frames: int) -> bool:
        """Take a message of `frames` frames; true when `flush` must be called after the chunk."""

    def flush(self) -> None:
        """Send what was delivered; must not wait."""


class Outlet(PortOwner, Protocol):
    """A port owner that is no session."""

    keeps_hub: bool
    """A use of the hub, as a session is."""

    def announce(self, macs: Sequence[bytes]) -> None:
        """Let who is behind this port learn that these stations are behind the hub, here, now."""

    def withdraw(self, macs: Sequence[bytes]) -> None:
        """These have gone: what is left of announcing them is not done."""

    def end(self, reason: str) -> None:
        """The hub is going, or this outlet is: give the port up. Must not wait."""


def carry(switch: Switch, gate: Gate, port: Port, runs: Sequence[Run], now: float) -> None:
    """Forward runs that came in by `port` and flush every port they reached.

    While `gate` is closed they are dropped: the hub may be another node's by now.
    """
    if now >= gate.deadline and not gate.look(now):
        switch.drop(port, "gate-closed", sum(run[1] for run in runs))
        return
    forward = switch.forward
    touched: list[PortOwner] = []
    if port.entry is not None:  # rules are set: the fast path below is not for this port
        forward_inspected(switch, port, port.entry, runs, now, touched)
        runs = ()
    for addresses, frames, size, message in runs:
        for target in forward(port, addresses, frames, size, now):
            owner: PortOwner = target.sink  # type: ignore[assignment]  # opaque to the hub
            if owner.deliver(message, frames):
                touched.append(owner)
    for owner in touched:
        owner.flush()
