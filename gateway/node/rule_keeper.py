"""Keeps the rules of live hubs as the directory has them.

Called with each renewal of the lease, so whatever changes is in force within a second or so of the
change, on every node. What did not change is not read again: a hub's record names the versions of
its access list and of its users and groups.
"""

import time

import structlog

from coordinator.directory import Directory
from coordinator.model import Hub
from coordinator.names import fold
from coordinator.rules import Rules
from gateway.node.hubs import Hubs, LiveHub
from gateway.node.session import Session
from gateway.node.terms import read_access_list, read_policies, terms_for, why_over
from gateway.wire.policy import Policy

log = structlog.get_logger()

LEAVE_GRACE_S = 10.0  # for clients that leave by themselves, and then do not come back


class RuleKeeper:
    """Reads what has changed and hands it to hubs and sessions."""

    def __init__(self, directory: Directory, rules: Rules, hubs: Hubs) -> None:
        self._directory = directory
        self._rules = rules
        self._hubs = hubs

    def apply(self, live: LiveHub, hub: Hub) -> None:
        """Bring a live hub in line with `hub`, as it was just read. Raises StoreError: again."""
        live.change(hub)
        try:
            if hub.access_version != live.access.version or hub.options != live.options:
                live.take_rules(read_access_list(self._rules, hub), hub.options)
                log.info(
                    "access list and options taken over", hub=hub.name, rules=len(live.access.rules)
                )
            self._change_terms(live, hub)
        except BaseException:
            live.is_current = False
            raise

    def end_overdue(self) -> None:
        """End sessions whose policy lets them stay no longer and whose clients did not leave."""
        now = time.monotonic()
        for live in list(self._hubs.alive.values()):
            for session in list(live.sessions.values()):
                most = session.terms.policy.auto_disconnect
                if most and now - session.began > most + LEAVE_GRACE_S:
                    session.end("auto-disconnect")

    def _change_terms(self, live: LiveHub, hub: Hub) -> None:
        stale = [s for s in live.sessions.values() if s.terms_version != hub.terms_version]
        if not stale:
            return
        users = {session.record.user for session in stale}
        found = read_policies(self._directory, hub.name, users)
        for session in stale:
            session.terms_version = hub.terms_version
            account = found.get(fold(session.record.user))
            if account is not None:  # else he was deleted, and an order to end him is on its way
                _change(session, *account)


def _change(session: Session, group: str, policy: Policy) -> None:
    why = why_over(session.record, policy)
    if why:
        session.end(why)
        return
    terms = terms_for(session.record, group, policy)
    if terms != session.terms:
        session.change(terms)
        log.info("terms changed", hub=session.record.hub, session=session.record.name)
