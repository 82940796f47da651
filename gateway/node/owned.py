"""The dynamic hubs this node owns: taken up, served, given up, handed over, lost.

Static hubs whose cascades it runs are among them: nothing else of theirs depends on an owner.

A grant is served only after `activate` succeeded, only while the node's gate is open, and only
under its epoch: every write about a session carries it. Whoever asks for a hub that is just being
handed over waits. A node beside this one, under the same supervisor, is preferred when a hub is
handed over: its clients come back to it at once, by the port they know (see `siblings`).
"""

import time
from collections.abc import Callable, Mapping, Sequence

import gevent
import structlog

from coordinator.errors import StaleEpoch
from coordinator.model import Hub, HubKind
from coordinator.names import fold
from coordinator.placement import Grant, Here, Placement, Wait
from coordinator.times import utc_now
from gateway.node.knocks import Knock
from gateway.node.lease import NodeLease
from gateway.node.siblings import Siblings

log = structlog.get_logger()

KEEP_IDLE_S = 60.0  # a new hub's first user may take so long to arrive (clustering semantics 3.4)
MOST_WAIT_S = 0.25  # between two questions about a hub that is between owners


class OwnedHubs:
    """Grants of this node, by folded hub name."""

    def __init__(
        self,
        placement: Placement,
        lease: NodeLease,
        end_hub: Callable[[str, str], None],
        uses_of: Callable[[str], int],
        take_over_sessions: Callable[[str], None],
        knocks_of: Callable[[str], Sequence[Knock]],
        siblings: Siblings,
    ) -> None:
        """`end_hub(hub, reason)` ends sessions and outlets of a hub here and keeps the records;
        `uses_of(hub)` says how many need it, `knocks_of(hub)` what its clients will be known by;
        `take_over_sessions(hub)`, called in a greenlet of its own, makes those ours that were with
        the owner before."""
        self._placement = placement
        self._lease = lease
        self._end_hub = end_hub
        self._uses_of = uses_of
        self._take_over_sessions = take_over_sessions
        self._knocks_of = knocks_of
        self._siblings = siblings
        self._grants: dict[str, Grant] = {}
        self._used_at: dict[str, float] = {}
        self._moving: set[str] = set()

    def epochs(self) -> Mapping[str, int]:
        """Return the hubs owned and their epochs."""
        return {hub: grant.epoch for hub, grant in self._grants.items()}

    def served(self) -> Mapping[str, Grant]:
        """Return what is owned and not just being handed over."""
        return {hub: g for hub, g in self._grants.items() if hub not in self._moving}

    def epoch_of(self, hub: Hub, *, wait: bool = True) -> int | None:
        """Return the epoch under which this node may serve `hub`; 0 for a static one.

        Takes the hub up if nobody has it. None when another node has it. With `wait`, a hub that is
        between owners is waited for, as long as the caller's deadline lets it; without, it is not
        asked for. Raises NotFound, HubOffline, LeaseLost and StoreError.
        """
        if hub.kind is HubKind.STATIC:
            return 0
        key = fold(hub.name)
        while True:
            pause_s = 0.02
            if key not in self._moving:
                grant = self._grants.get(key)
                if grant is not None:
                    self._used_at[key] = time.monotonic()
                    return grant.epoch
                if not wait:
                    return None
                placed = self._placement.place(self._lease.held, hub.name, utc_now(), here=True)
                match placed:
                    case Here(grant=Grant() as given):
                        if self.take_up(given):
                            return given.epoch
                    case Wait(wait_ms=wait_ms):
                        pause_s = min(wait_ms / 1000, MOST_WAIT_S)
                    case _:
                        return None
            gevent.sleep(pause_s)

    def owner_of(self, hub: str) -> str:
        """Return the node a dynamic hub is given to; empty: none. Raises StoreError."""
        owner = self._placement.owner(hub)
        return owner.node if owner is not None else ""

    def holds(self, hub: Hub, epoch: int) -> bool:
        """Say whether `hub` is served here under `epoch` at this moment; a static one always is."""
        if hub.kind is HubKind.STATIC:
            return True
        key = fold(hub.name)
        grant = self._grants.get(key)
        return grant is not None and grant.epoch == epoch and key not in self._moving

    def held_epoch(self, hub: Hub) -> int | None:
        """Return the epoch under which `hub` is served here at this moment, without asking anybody.

        None: it is not, or being static it has none.
        """
        key = fold(hub.name)
        grant = self._grants.get(key)
        if grant is None or key in self._moving or hub.kind is HubKind.STATIC:
            return None
        self._used_at[key] = time.monotonic()
        return grant.epoch

    def take_up(self, grant: Grant) -> bool:
        """Begin to serve under `grant`; false when it has gone to somebody else meanwhile."""
        if self._grants.get(grant.hub) == grant:
            return True
        if not self._placement.activate(grant, utc_now()):
            return False
        self._grants[grant.hub] = grant
        self._used_at[grant.hub] = time.monotonic()
        log.info("hub taken up", hub=grant.hub, epoch=grant.epoch)
        gevent.spawn(self._take_over_sessions, grant.hub)
        return True

    def lose(self, hubs: list[str], why: str) -> None:
        """Stop hubs that are not ours any more; their sessions' records are the new owner's."""
        for hub in hubs:
            self._grants.pop(fold(hub), None)
            self._end_hub(hub, why)

    def hand_over(self, hub: str, to: str) -> str:
        """Stop a hub and give it to `to`; return a sentence. Empty: the best of our siblings, else
        the best other node.

        Raises LeaseLost and StoreError: then it stays stopped until the next question about it.
        """
        key = fold(hub)
        grant = self._grants.get(key)
        if grant is None or key in self._moving:
            return f"hub {hub} is not served here"
        self._moving.add(key)
        try:
            # Their clients knock here again while we still ask: they wait for the answer.
            with self._siblings.holding(self._knocks_of(hub)) as go_to:
                self._end_hub(hub, "hub-moved")
                given = self._placement.transfer(grant, to, utc_now(), prefer=self._siblings.nodes)
                if given is None:
                    return f"hub {hub} stays: no other node can take it"
                self._grants.pop(key, None)
                go_to(given.node)
            return f"hub {hub} handed to {given.node} at epoch {given.epoch}"
        except StaleEpoch as error:
            self._grants.pop(key, None)
            return f"hub {hub} was not ours any more: {error}"
        finally:
            self._moving.discard(key)

    def free_idle(self, now: float) -> None:
        """Give up hubs that nothing uses; `now` is monotonic seconds. Raises StoreError."""
        for hub, grant in list(self._grants.items()):
            if self._uses_of(hub):
                self._used_at[hub] = now
            elif now - self._used_at[hub] > KEEP_IDLE_S:
                self._free(hub, grant)

    def _free(self, hub: str, grant: Grant) -> None:
        self._end_hub(hub, "hub-idle")  # what joins it to elsewhere, before anyone else may have it
        try:
            if self._placement.free(grant, utc_now()):
                self._grants.pop(hub, None)
                log.info("idle hub given up", hub=hub, epoch=grant.epoch)
        except StaleEpoch as error:
            self.lose([hub], "stale-epoch")
            log.warning("hub was not ours any more", hub=hub, epoch=grant.epoch, why=str(error))
