"""Is this node alive, and may a balancer send clients here: two questions, each with a sentence."""

import time
from collections.abc import Callable
from typing import NamedTuple

from coordinator.model import NodeMode
from gateway.node.heartbeat import Heartbeat
from gateway.node.lease import NodeLease
from gateway.transport.gate import Gate

STANDSTILL_S = 30.0  # a beat may wait out the leases of another process with our name


class Answer(NamedTuple):
    """Yes or no, and why."""

    is_so: bool
    why: str


class Health:
    """What a node says of itself."""

    def __init__(
        self,
        lease: NodeLease,
        heartbeat: Heartbeat,
        gate: Gate,
        is_accepting: Callable[[], bool],
        *,
        is_host: bool,
    ) -> None:
        self._lease = lease
        self._heartbeat = heartbeat
        self._gate = gate
        self._is_accepting = is_accepting
        self._is_host = is_host

    def live(self) -> Answer:
        """Say whether the process does its work. The store's absence is no reason to end it."""
        silent_s = time.monotonic() - self._heartbeat.beats.tried_at
        if silent_s > STANDSTILL_S:
            return Answer(False, f"the heartbeat stands still for {silent_s:.0f} s")
        return Answer(True, "alive")

    def ready(self) -> Answer:
        """Say whether new clients are welcome here."""
        if not self._is_accepting():
            return Answer(False, "starting, or stopping")
        if not self._gate.look(time.monotonic()):
            return Answer(False, "the lease was not renewed in time: is the store away?")
        if self._is_host and self._lease.mode is not NodeMode.SERVING:
            return Answer(False, f"this node is {self._lease.mode}")
        return Answer(True, "ready")
