"""The sessions this node carries, and their records in the store.

A session begins by one atomic step in the store, which counts it against every limit, and ends by
the removal of its record. Between the two the record is enough for any process to go on with it:
`find_or_resume` adopts a session whose node was killed or restarted (spec 5.6).
"""

import os

import gevent
import structlog
from gevent.lock import RLock

from coordinator.directory import Directory
from coordinator.errors import StoreError
from coordinator.model import Hub, NewSession, SessionRecord
from coordinator.sessions import Sessions, hash_session_key
from coordinator.times import utc_now
from gateway.node.hubs import Hubs
from gateway.node.ledger import Ledger
from gateway.node.session import Session

log = structlog.get_logger()


class SessionTable:
    """Sessions by the hash of their key, beside the hubs they are on."""

    def __init__(
        self, node: str, hubs: Hubs, records: Sessions, directory: Directory, ledger: Ledger
    ) -> None:
        self._node = node
        self._hubs = hubs
        self._ledger = ledger
        self._records = records
        self._directory = directory
        self._by_key: dict[str, Session] = {}
        self._adopting: dict[str, RLock] = {}
        self._to_close: dict[str, SessionRecord] = {}
        self.is_stopping = False

    def __len__(self) -> int:
        return len(self._by_key)

    def all(self) -> list[Session]:
        """Return every session carried here."""
        return list(self._by_key.values())

    def open(self, new: NewSession, hub: Hub) -> tuple[Session, bytes]:
        """Begin a session; return it with its key, which exists nowhere else.

        Raises what `Sessions.open` raises.
        """
        key = os.urandom(20)
        try:
            record = self._records.open(new, key, utc_now())
        except (StoreError, gevent.Timeout):
            # It may have been opened all the same; nobody holds the key, so nobody will miss it.
            gevent.spawn(self._close_unknown, key)
            raise
        return self._begin(record, hub), key

    def find_or_resume(self, key: bytes) -> Session | None:
        """Return the session of `key`, adopting it from the store if need be; None if unknown.

        Raises StoreError when the store cannot say: then the client must not be told that its
        session is gone.
        """
        key_hash = hash_session_key(key)
        session = self._by_key.get(key_hash)
        if session is not None or self.is_stopping:
            return session
        record = self._records.by_key(key)
        return None if record is None else self._resume(record, None)

    def resume_left(self, wait_s: float) -> int:
        """Take back every session this node carried when it ended; return how many.

        Their clients have `wait_s` seconds to come back. Meanwhile frames for them are kept, and
        what they have learned is known, so two clients that return one after the other lose none.
        """
        left = self._records.of_node(self._node)
        return sum(self._resume(record, wait_s) is not None for record in left)

    def _resume(self, record: SessionRecord, wait_s: float | None) -> Session | None:
        """Adopt a session from the store, unless somebody here just did; None if it has ended."""
        lock = self._adopting.setdefault(record.key_hash, RLock())
        with lock:
            try:
                return self._by_key.get(record.key_hash) or self._adopt(record, wait_s)
            finally:
                self._adopting.pop(record.key_hash, None)

    def _adopt(self, record: SessionRecord, wait_s: float | None) -> Session | None:
        hub = self._directory.hub(record.hub)
        if hub is None:
            return None
        adopted = self._records.adopt(record, self._node, utc_now())
        if adopted is None:
            return None
        log.info(
            "session resumed",
            hub=adopted.hub,
            session=adopted.name,
            user=adopted.user,
            was_on=record.node,
        )
        return self._begin(adopted, hub, wait_s)

    def _begin(self, record: SessionRecord, hub: Hub, wait_s: float | None = None) -> Session:
        live = self._hubs.raise_hub(hub)
        session = Session(record, live.switch, message=hub.message, ended=self._end)
        if wait_s is not None:
            session.wait(wait_s)
        live.sessions[record.name] = session
        self._by_key[record.key_hash] = session
        return session

    def _end(self, session: Session, reason: str) -> None:
        """Forget an ended session; its record goes too, unless this node stops to be restarted."""
        record = session.record
        self._by_key.pop(record.key_hash, None)
        self._ledger.add(record.hub, record.user, session.unsettled())
        self._hubs.remove(session)
        if self.is_stopping:
            return
        log.info("session ended", hub=record.hub, session=record.name, user=record.user, why=reason)
        self._to_close[record.key_hash] = record
        gevent.spawn(self.close_records)

    def close_records(self) -> None:
        """Remove the records of ended sessions; those that could not be stay for the next call."""
        ending = list(self._to_close.values())
        try:
            self._records.sweep(ending)
        except StoreError as error:
            log.debug("session records not closed yet", why=str(error), count=len(ending))
            return
        for record in ending:
            self._to_close.pop(record.key_hash, None)

    def _close_unknown(self, key: bytes) -> None:
        """Remove a record that an interrupted `open` may have left."""
        try:
            record = self._records.by_key(key)
            if record is not None:
                self._records.close(record)
        except StoreError as error:
            log.warning("a session record may be left over until the next start", why=str(error))

    def drop(self, key_hash: str, reason: str) -> None:
        """End a session whose record is gone or another's already, if it is here."""
        session = self._by_key.get(key_hash)
        if session is not None:
            session.end(reason)
