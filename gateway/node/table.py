"""The sessions this node carries, and their records in the store.

A session begins by one atomic step in the store, which counts it against every limit, and ends by
the removal of its record. Between the two the record is enough for any process to go on with it:
`find_or_resume` adopts a session whose node was killed or restarted (spec 5.6).
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias
from weakref import WeakValueDictionary

import gevent
import structlog
from gevent.lock import RLock

from coordinator.directory import Directory
from coordinator.errors import StaleEpoch, StoreError
from coordinator.model import Hub, HubKind, NewSession, SessionRecord
from coordinator.names import fold
from coordinator.sessions import Sessions, hash_session_key
from coordinator.times import utc_now
from gateway.node import security_lines
from gateway.node.hubs import Hubs
from gateway.node.knocks import Knock
from gateway.node.lease import NodeLease
from gateway.node.ledger import Ledger
from gateway.node.owned import OwnedHubs
from gateway.node.session import Session, facts_of
from gateway.transport.gate import ALWAYS_OPEN
from gateway.wire.ethernet import parse_macs

log = structlog.get_logger()


# Ended here, not for the client: its record stays for whichever process it comes back to.
RESUMABLE = frozenset(
    {"gateway-stops", "hub-moved", "passed-on", "lease-lost", "lost-with-the-store"}
)
SWEEP_PAUSE_S = 0.05  # between two round trips about sessions that ended
LOOKS = 2  # heartbeats after which a session whose beginning is in doubt is known not to exist


Who: TypeAlias = tuple[str, str, bytes | str]
"""Hub, user and machine; or hub, user and origin."""


def _who(record: SessionRecord) -> Who:
    return fold(record.hub), fold(record.user), record.unique_id


def _whence(record: SessionRecord) -> Who:
    return fold(record.hub), fold(record.user), record.origin


class SessionTable:
    """Sessions by the hash of their key, beside the hubs they are on."""

    def __init__(
        self,
        node: str,
        hubs: Hubs,
        records: Sessions,
        directory: Directory,
        ledger: Ledger,
        count: Callable[[str], None],
        note: Callable[[str, Iterable[str]], None],
    ) -> None:
        """`count(reason)` is told of sessions adopted and ended, and of connections lost;
        `note(hub, lines)` puts lines into a hub's security log."""
        self._note = note
        self._node = node
        self._hubs = hubs
        self._ledger = ledger
        self._records = records
        self._directory = directory
        self._by_key: dict[str, Session] = {}
        self._count = count
        # A lock lives as long as somebody holds it or waits for it, and so does its entry.
        self._adopting: WeakValueDictionary[str, RLock] = WeakValueDictionary()
        self._to_close: dict[str, SessionRecord] = {}
        self._left_behind: dict[str, tuple[float, SessionRecord]] = {}
        # Sessions that wait for their clients since they were taken over, by whose they are.
        self._taken_over: WeakValueDictionary[Who, Session] = WeakValueDictionary()
        self._logged_in: WeakValueDictionary[Who, Session] = WeakValueDictionary()
        # Sessions whose record is being made: nobody holds their keys yet, nothing is left behind.
        self._opening: set[str] = set()
        self._in_doubt: dict[bytes, int] = {}  # session keys, and how often to look for a record
        self._owned: OwnedHubs
        self._lease: NodeLease
        self._closer: gevent.Greenlet[..., None] | None = None
        self._swept_at = 0.0

    def __len__(self) -> int:
        return len(self._by_key)

    def all(self) -> list[Session]:
        """Return every session carried here."""
        return list(self._by_key.values())

    def open(
        self, new: NewSession, hub: Hub, ticket: bytes, *, judged_by: str = ""
    ) -> tuple[Session, bytes]:
        """Begin a session; return it with its key, which exists nowhere else.

        `ticket` and `judged_by` as in `Sessions.open`, which says what is raised.
        """
        key = os.urandom(20)
        key_hash = hash_session_key(key)
        self._opening.add(key_hash)
        try:
            record = self._records.open(new, key, utc_now(), ticket, judged_by=judged_by)
            own = replace(record, macs=()) if record.macs else record
            session = self._begin(own, hub, hints=record.macs)
        except (StoreError, gevent.Timeout):
            # It may be opened all the same; nobody holds the key, so nobody will miss it.
            self._in_doubt[key] = LOOKS
            raise
        finally:
            self._opening.remove(key_hash)
        # Whoever logs in anew does not come back to the session that waits for him.
        who = _who(record)
        self._logged_in[who] = session
        # The machine id of a stock client changes with the addresses its computer has.
        former = self._taken_over.pop(who, None) or self._taken_over.pop(_whence(record), None)
        if former is not None and not former.connections:
            former.end("superseded")
        return session, key

    def find_or_resume(self, key: bytes) -> Session | None:
        """Return the session of `key`, adopting it from the store if need be; None if unknown.

        Waits while its hub is between owners. Raises StoreError, LeaseLost and StaleEpoch when it
        cannot be said whose it is: then the client must not be told that its session is gone.
        """
        key_hash = hash_session_key(key)
        session = self._by_key.get(key_hash)
        if session is not None:
            return session
        record = self._records.by_key(key)
        return None if record is None else self._resume(record, None)

    def whereabouts(self, key: bytes) -> str:
        """Return the node that has the hub of a session; empty if there is none. Raises StoreError.

        That of a static hub is resumed wherever its client comes.
        """
        record = self._records.by_key(key)
        return "" if record is None else self._owned.owner_of(record.hub)

    def resume_left(self, wait_s: float) -> int:
        """Take back every session this node carried when it ended; return how many.

        Their clients have `wait_s` seconds to come back. Meanwhile frames for them are kept, and
        what they have learned is known, so two clients that return one after the other lose none.
        """
        return self._resume_all(self._records.of_node(self._node), wait_s)

    def resume_hub(self, hub: str, wait_s: float) -> int:
        """Take over every session of a hub that was given to this node; return how many.

        Whoever does not come back to it here in `wait_s` seconds has logged in anew, or has gone.
        """
        return self._resume_all(self._records.of_hub(hub), wait_s)

    def left_over(self) -> list[SessionRecord]:
        """Return the records under this node's name of sessions that are not here."""
        here = [session.record for session in self._by_key.values()]
        left = self._records.of_node(self._node, but=here)
        return [record for record in left if record.key_hash not in self._by_key]

    def _resume_all(self, records: list[SessionRecord], wait_s: float) -> int:
        left = (r for r in records if r.key_hash not in self._opening)
        return sum(self._resume(record, wait_s) is not None for record in left)

    def _resume(self, record: SessionRecord, wait_s: float | None) -> Session | None:
        """Adopt a session from the store, unless somebody here just did; None if it has ended."""
        lock = self._adopting.setdefault(record.key_hash, RLock())
        with lock:
            return self._by_key.get(record.key_hash) or self._adopt(record, wait_s)

    def _adopt(self, record: SessionRecord, wait_s: float | None) -> Session | None:
        hub = self._directory.hub(record.hub)
        if hub is None or not hub.online:
            return None
        epoch = self._owned.epoch_of(hub, wait=wait_s is None)
        if epoch is None:
            return None
        adopted = self._records.adopt(
            record, self._node, utc_now(), inc=self._lease.held.inc, hub_epoch=epoch
        )
        if adopted is None:
            return None
        log.info(
            "session resumed",
            **facts_of(adopted),
            was_on=record.node,
        )
        hints = adopted.macs
        self._count("adopted")
        self._note(adopted.hub, [security_lines.resumed(adopted, record.node)])
        if record.node != self._node:
            # Its client may have logged in anew elsewhere on the hub: flood, until it speaks.
            adopted = replace(adopted, macs=())
        session = self._begin(adopted, hub, wait_s, hints)
        if wait_s is not None:
            self._taken_over[_whence(record)] = session
        if wait_s is not None and any(record.unique_id):
            self._taken_over[_who(record)] = session
            newer = self._logged_in.get(_who(record))
            # An ended one may be this very session, from before its hub went away and came back.
            if newer is not None and not newer.ended:
                session.end("superseded")
        return session

    def _begin(
        self,
        record: SessionRecord,
        hub: Hub,
        wait_s: float | None = None,
        hints: Sequence[str] = (),
    ) -> Session:
        """Give a session a port; `hints` are the addresses that were last seen behind it."""
        access = self._hubs.access_list(hub)  # before anything is decided: it may wait
        if not self._owned.holds(hub, record.hub_epoch):
            # Handed over while the store's answer was on its way: the record is the new owner's.
            raise StaleEpoch(hub.name, record.hub_epoch, 0)
        live = self._hubs.raise_hub(hub, access)
        live.is_current = False  # the directory is asked anew: what the record says may be old
        session = Session(
            record,
            live.switch,
            live.gate,
            message=hub.message,
            hints=hints,
            ended=self._end,
            count=self._count,
        )
        if wait_s is not None:
            session.wait(wait_s)
        live.sessions[record.name] = session
        self._by_key[record.key_hash] = session
        if wait_s is None or hub.kind is HubKind.DYNAMIC:
            # It is here, or nobody else can have it. Of a static hub the client that is waited for
            # may have gone to another node, and its traffic must not be called away from there.
            live.announce(parse_macs(hints))
        return session

    def _end(self, session: Session, reason: str) -> None:
        """Forget an ended session; its record goes too, unless this node stops to be restarted."""
        record = session.record
        self._by_key.pop(record.key_hash, None)
        self._ledger.add(record.hub, record.user, session.unsettled())
        self._hubs.remove(session)
        if reason in RESUMABLE:
            return
        self._count(f"ended-{reason}")
        self._note(record.hub, security_lines.ended(record, session.carried(), reason))
        log.info("session ended", **facts_of(record), why=reason)
        self._to_close[record.key_hash] = record
        if self._closer is None or self._closer.dead:  # one for all that end in the same moment
            self._closer = gevent.spawn(self._sweep_soon)

    def close_records(self) -> None:
        """Remove the records of sessions that ended, and of those that nobody here began.

        Once per heartbeat; what could not be done now stays for the next. Raises StoreError.
        """
        now = time.monotonic()
        for due, left in list(self._left_behind.values()):
            if now >= due:
                self._to_close[left.key_hash] = left
                del self._left_behind[left.key_hash]
        for key, looks in list(self._in_doubt.items()):
            record = self._records.by_key(key)
            if record is not None:
                self._to_close[record.key_hash] = record
            self._in_doubt[key] = looks - 1
            if record is not None or looks == 1:
                del self._in_doubt[key]
        self._sweep()

    def _sweep_soon(self) -> None:
        """Sweep at once; of many one after the other, those that ended meanwhile together."""
        gevent.sleep(max(0.0, self._swept_at + SWEEP_PAUSE_S - time.monotonic()))
        self._sweep()
        self._swept_at = time.monotonic()

    def _sweep(self) -> None:
        while ending := list(self._to_close.values()):
            try:
                self._records.sweep(ending)
            except StoreError as error:
                log.debug("session records not closed yet", why=str(error), count=len(ending))
                return
            for record in ending:
                self._to_close.pop(record.key_hash, None)

    def count_of(self, hub: str) -> int:
        """Return how many sessions of a hub are here."""
        return len(self.of_hub(hub))

    def of_hub(self, hub: str) -> list[Session]:
        """Return the sessions of a hub here."""
        live = self._hubs.alive.get(fold(hub))
        return list(live.sessions.values()) if live is not None else []

    def knocks_of(self, hub: str) -> list[Knock]:
        """Return by what the clients of a hub that leaves will be known if they come back.

        Of a static one its cascades leave, and its clients stay.
        """
        leaving = [session for session in self.of_hub(hub) if session.gate is not ALWAYS_OPEN]
        return [knock for session in leaving for knock in session.knocks()]

    def leave_behind(self, record: SessionRecord, wait_s: float) -> None:
        """Remove the record of a session that was passed on, if nobody resumes it in `wait_s`."""
        self._left_behind[record.key_hash] = (time.monotonic() + wait_s, record)

    def join_fleet(self, owned: OwnedHubs, lease: NodeLease) -> None:
        """Learn who says which hubs may be served here; they need the table themselves."""
        self._owned = owned
        self._lease = lease

    def drop(self, key_hash: str, reason: str) -> None:
        """End a session whose record is gone or another's already, if it is here."""
        session = self._by_key.get(key_hash)
        if session is not None:
            session.end(reason)
