"""The node's lease: registered at start, renewed once a second, given up at the end.

While the store is away nothing is renewed and the gate closes by itself when its deadline comes; a
renewal that gets through opens it again. A lease that was ended meanwhile is not mourned: what was
owned stops at once, and a new incarnation begins.
"""

import math
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import gevent
import structlog
from gevent.monkey import get_original

from coordinator.election import Leader
from coordinator.errors import LeaseLost, StoreError
from coordinator.lease import Busy, Lease, Leases, Renewal
from coordinator.model import Node, NodeMode
from coordinator.redis_store import Presence, RedisStore
from coordinator.times import utc_now
from coordinator.witness import Witness
from gateway.errors import ConfigError
from gateway.transport.gate import Gate
from gateway.witness.watched import Watched

log = structlog.get_logger()

PATIENCE = 4  # leases of another holder of our name that are waited out before giving up


class NodeLease:
    """One lease, for one node; `gate` follows it."""

    def __init__(
        self,
        leases: Leases,
        store: RedisStore,
        describe: Callable[[], Node],
        gate: Gate,
        lose: Callable[[list[str], str], None],
        owned: Callable[[], Mapping[str, int]],
        watched: Watched,
        *,
        solo: bool,
    ) -> None:
        """`store` is a connection of its own, for presence. `describe()` is the node's row as it is
        now; `owned()` the dynamic hubs owned here with their epochs; `lose(hubs, why)` stops some.
        `watched` hears the promises of our witness. `solo`: there is no other node that could take
        anything over, so the store's absence ends nothing; only a loop that stands still closes the
        gate then.
        """
        self._solo = solo
        self._leases = leases
        self._store = store
        self._describe = describe
        self._gate = gate
        self._lose = lose
        self._owned = owned
        self._presence: Presence | None = None
        self._last_order = ""
        self._held: Lease | None = None
        self._watched = watched
        self.witness: Witness | None = None
        """To be named with the next renewal."""
        self._is_accusable = False
        gate.obey(self._safe_until)
        self.leader: Leader | None = None
        self.mode = NodeMode.SERVING
        """What operators want of this node, as of the last renewal."""

    @property
    def held(self) -> Lease:
        """Return the lease. Raises LeaseLost between two incarnations."""
        if self._held is None:
            raise LeaseLost("not registered yet")
        return self._held

    def held_or_none(self) -> Lease | None:
        """Return the lease, None between two incarnations."""
        return self._held

    @property
    def leads(self) -> bool:
        """Say whether this node led as of the last renewal."""
        return (
            self._held is not None
            and self.leader is not None
            and self.leader.is_held_by(self._held)
        )

    def register(self) -> None:
        """Begin an incarnation. Raises ConfigError when another process keeps our name, StoreError
        when the store does not answer."""
        busy = Busy(0, "", 0)
        for _ in range(PATIENCE):
            t0 = time.monotonic()
            answer = self._leases.register(self._describe(), t0, utc_now())
            if isinstance(answer, Lease):
                self._held = answer
                self._is_accusable = False
                self._watched.confirm(answer.node, answer.inc, "", 0)
                self._gate.extend(answer.deadline, time.monotonic())
                self._attend(answer)
                log.info("registered", node=answer.node, incarnation=answer.inc)
                return
            busy = answer
            log.warning(
                "another process has our name; its lease is waited out",
                host=busy.host,
                pid=busy.pid,
                wait_ms=busy.wait_ms,
            )
            gevent.sleep(busy.wait_ms / 1000 + 0.05)
        raise ConfigError(
            f"node {self._describe().id!r} is process {busy.pid} on {busy.host} already: "
            "stop that one, or give this one another gateway.node"
        )

    def renew(self) -> Renewal | None:
        """Renew once; None when the incarnation was over and a new one has begun.

        Raises StoreError, ConfigError as `register`.
        """
        if self._held is None:
            self.register()
            return None
        row = self._row(self._held)
        t0 = time.monotonic()
        try:
            renewal = self._leases.renew(self._held, row, t0, utc_now(), self._last_order)
            if renewal.must_reconcile:
                renewal = replace(renewal, lease=self._reconcile(self._held, row))
        except LeaseLost as error:
            self._start_over(error)
            return None
        except StoreError:
            if self._solo:
                now = time.monotonic()
                self._gate.extend(self._leases.timing.deadline(now), now)
            raise
        self._held = renewal.lease
        self._watched.confirm(row.id, renewal.lease.inc, row.witness, row.witness_inc)
        self._is_accusable = bool(row.witness)
        self._gate.extend(renewal.lease.deadline, time.monotonic())
        if not self._is_attended():
            self._attend(renewal.lease)
        self._last_order = renewal.last_order
        self.leader = renewal.leader
        self.mode = renewal.mode
        return renewal

    def close_gate(self) -> None:
        """Act as owner no more, whatever becomes of the lease."""
        self._gate.close()

    def leave(self, why: str) -> None:
        """Give the lease up; whoever owned anything by it has stopped. Raises StoreError.

        What is owned here waits for our successor a little: stock clients will knock here for some
        time, and only here. Who means to go for good drains the node first.
        """
        self._gate.close()
        if self._held is not None:
            self._leases.leave(self._held, why, utc_now(), may_return=True)
        self._held = None

    def _row(self, held: Lease) -> Node:
        """Return our row for a renewal. It names a witness only while our presence shows in the
        store, and from before it leaves the gate heeds what a witness may do."""
        row, witness = self._describe(), self.witness
        if witness is None or not self._is_attended():
            return row
        named = (held.node, held.inc, witness.node, witness.inc)
        watched = self._watched
        if (watched.node, watched.inc, watched.witness, watched.witness_inc) != named:
            watched.confirm(held.node, held.inc, "", 0)  # either may be entitled until we hear
        self._is_accusable = True
        self._gate.look(time.monotonic())
        return replace(row, witness=witness.node, witness_inc=witness.inc)

    def _safe_until(self, now: float) -> float:
        """Return until when nobody can have declared us dead before our lease ends: rule 4 of
        `coordinator.timing`, or the promise of the witness."""
        if not self._is_accusable:
            return math.inf
        if self._is_attended():
            return now + self._leases.timing.presence_ms / 1000
        return self._watched.promised_until

    def _reconcile(self, held: Lease, row: Node) -> Lease:
        t0 = time.monotonic()
        answer = self._leases.reconcile(held, row, self._owned(), t0, utc_now())
        if answer.lost:
            self._lose(list(answer.lost), "lost-with-the-store")
        log.info("store was restarted; what is owned here is confirmed", lost=len(answer.lost))
        return answer.lease

    def _start_over(self, error: LeaseLost) -> None:
        """Stop everything the lease allowed, then begin anew."""
        self._gate.close()
        self._held = None
        owned = list(self._owned())
        log.warning("lease lost, dynamic hubs are closed here", why=error.why, hubs=len(owned))
        self._lose(owned, "lease-lost")
        self.register()

    def _is_attended(self) -> bool:
        """Say whether the presence connection still stands: it ends with the store's restart."""
        if self._presence is None:
            return False
        poller = get_original("select", "poll")()  # gevent's own knows nothing of hang-ups
        poller.register(self._presence.fileno(), select.POLLRDHUP)
        return not poller.poll(0)

    def _attend(self, lease: Lease) -> None:
        """Let the store see that this very process is there: no other takes its name then, and
        its witness, should it be named one, cannot declare it dead."""
        if self._presence is not None:
            self._presence.close()
            self._presence = None
        try:
            channel = self._store.keys.presence(lease.node, lease.inc)
            self._presence = self._store.attend(channel)
        except StoreError as error:
            log.warning("presence not announced", why=str(error))
