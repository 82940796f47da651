"""The times leases run on, validated together, and what a holder may conclude from an answer. Pure.

They are equal on all nodes because they are a record in the store (`settings`), made with the
fleet; a step reads them there, a node when it joins. Why each rule holds (`check`):

1. The holder counts from before its request left, the store from when it carried it out. So the
   holder's deadline is earlier than the store's expiry by at least `margin_ms`, whatever the delay.
2. One attempt to renew may fail whole, and the next still comes in time: renewing, with its
   jitter, and one attempt fit into what a holder believes in.
3. A step of the store's clock, or an outage, costs a lease at most `gap_ms`; a lease that was
   renewed in time survives that. And the lease clock must not lag in ordinary life: `gap_ms` is
   more than the time between two renewals.
4. A node whose connection broke closes its gate `presence_ms` after it was last seen healthy, and
   is declared dead `suspect_ms` after somebody found it gone: the gate is closed by then.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from coordinator.errors import InvalidValue

JITTER = 0.1  # of the renew interval, both ways
DRIFT = 0.01  # most by which two clocks' rates differ
BATCH_MS = 5  # most that one forwarding batch takes between the gate and the send


@dataclass(frozen=True, slots=True)
class Timing:
    """All in milliseconds. Raises InvalidValue for times that cannot work together."""

    ttl_ms: int = 4000
    """A lease's life, from its last renewal."""
    renew_ms: int = 1000
    """Between two renewals, give or take a tenth."""
    attempt_ms: int = 700
    """One attempt to reach the store, connecting included."""
    margin_ms: int = 500
    """By how much the holder stops before the store would."""
    gap_ms: int = 1500
    """The most the lease clock advances between two steps."""
    suspect_ms: int = 200
    """Between finding a node gone and declaring it dead."""
    presence_ms: int = 100
    """How long a gate stays open after the presence connection was last seen healthy."""
    assign_ms: int = 2000
    """A hub given to a node that does not take it up may go elsewhere after this."""
    heir_ms: int = 5000
    """How long the hubs of a node that stopped in order, or that its supervisor reaped, wait for
    its successor."""
    ticket_ms: int = 60_000
    """How long a ticket, and the place it holds, is good for."""
    forgets_ms: int = 2000
    """For how long after a restart of the store a node may turn up that the store has forgotten,
    because what it wrote last was lost. At least two renewals; 1 for a store whose machine carries
    every node: what such a store loses, they do not survive either."""
    leader_ms: int = 30_000
    """A leader without progress for this long may be replaced."""

    def __post_init__(self) -> None:
        for rule, holds in self._rules():
            if not holds:
                raise InvalidValue(f"timing: {rule}; these are {asdict(self)}")

    def _rules(self) -> tuple[tuple[str, bool], ...]:
        between = round(self.renew_ms * (1 + JITTER))
        trusted = self.ttl_ms - self.margin_ms
        return (
            ("every time is at least 1 ms", all(t >= 1 for t in asdict(self).values())),
            ("renew_ms is at most a quarter of ttl_ms", self.renew_ms * 4 <= self.ttl_ms),
            (
                "margin_ms covers twice the drift over ttl_ms and one batch",
                self.margin_ms >= 2 * DRIFT * self.ttl_ms + BATCH_MS,
            ),
            (
                "renew_ms with jitter and attempt_ms fit into ttl_ms - margin_ms",
                between + self.attempt_ms < trusted,
            ),
            ("gap_ms is more than renew_ms with jitter", self.gap_ms > between),
            (
                "gap_ms is less than ttl_ms - renew_ms - margin_ms",
                self.gap_ms < self.ttl_ms - self.renew_ms - self.margin_ms,
            ),
            (
                "presence_ms and one batch are less than suspect_ms",
                self.presence_ms + BATCH_MS < self.suspect_ms,
            ),
            ("ticket_ms is at most 60000", self.ticket_ms <= 60_000),
        )

    @property
    def renew_s(self) -> float:
        """Seconds between two renewals."""
        return self.renew_ms / 1000

    @property
    def watchdog_s(self) -> float:
        """A loop that stood still for so many seconds can hold no lease any more."""
        return (self.ttl_ms - self.margin_ms) / 1000

    def next_renewal(self, t0: float, fraction: float) -> float:
        """Return when to renew after a renewal begun at `t0`; `fraction` is random, 0 to 1."""
        return t0 + self.renew_s * (1 + JITTER * (2 * fraction - 1))

    def deadline(self, t0: float) -> float:
        """Return until when a holder may believe in a lease that a request begun at `t0` renewed.

        `t0` is read from the holder's monotonic clock before the request leaves: rule 1.
        """
        return t0 + (self.ttl_ms - self.margin_ms) / 1000

    def scaled(self, factor: float) -> Self:
        """Return the same times, all `factor` as long: for tests that must not wait."""
        return type(self)(**{name: round(ms * factor) for name, ms in asdict(self).items()})

    def to_fields(self) -> dict[str, str]:
        """Return the times as the store holds them."""
        return {name: str(ms) for name, ms in asdict(self).items()}

    @classmethod
    def from_fields(cls, stored: Mapping[str, str]) -> Self:
        """Return the times a store holds; what is missing is the default."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: int(text) for name, text in stored.items() if name in known})
