"""Lookups: hub and user of a login, kept as they were last read.

A storm of logins asks for the same records again and again. What was read comes with the
directory's *state*; the step that opens a session is told it and refuses, if the directory has
changed since. So a login may be let in by what is kept here, and never by what is not true any
more; whoever is not let in by it has to be judged by what is read anew.
"""

from dataclasses import replace

from coordinator.directory import Directory, Lookup
from coordinator.model import Hub
from coordinator.rules import Rules
from coordinator.trust import NO_TRUST, Trust

MOST = 10_000  # users kept, with the hashes of their passwords, opened
MOST_HUBS = 100  # of which is kept whom they believe, one list for all of a hub's users


class Lookups:
    """Lookups of one process, all read under one state of the directory."""

    def __init__(self, directory: Directory, rules: Rules) -> None:
        self._directory = directory
        self._rules = rules
        self._kept: dict[tuple[str, str], Lookup] = {}
        self._state = ""
        self._trusts: dict[str, tuple[str, Trust]] = {}

    def last(self, hub: str, user: str) -> Lookup | None:
        """Return what was read last under these very names, true or not; None if nothing was."""
        return self._kept.get((hub, user))

    def read(self, hub: str, user: str) -> Lookup:
        """Read anew, in one round trip; names may be anything. Raises SealBroken, StoreError.

        A hub's source rules and, for who needs a certificate, whose it believes are read after it,
        where there are any: whatever changes in between makes the state another. Of a user in a
        group the policy is his own: see `keep`.
        """
        return self._with_rules(self._directory.find(hub, user))

    def keep(self, hub: str, user: str, found: Lookup) -> Lookup:
        """Return what was read under these names, of a user who has proven to be him, with his
        group's policy; it is kept from now on. Raises StoreError.

        Who has proven nothing is not worth it: strangers make names up without end, and the time
        that a group takes would tell them who is somebody.
        """
        if found.user is not None and found.user.group:
            own = replace(found.user, policy=self._directory.policy_of(found.user))
            found = found._replace(user=own)
        if found.state != self._state or len(self._kept) >= MOST:
            self._kept.clear()
            self._state = found.state
        if found.user is not None and found.state:
            self._kept[hub, user] = found
        return found

    def _with_rules(self, found: Lookup) -> Lookup:
        hub, user = found.hub, found.user
        sources, trust = None, NO_TRUST
        if hub is not None and hub.source_version:
            sources = self._rules.source_list(hub.name)
        if hub is not None and hub.trust_version and user is not None and user.is_certified:
            trust = self._trust_of(hub, found.state)
        return found._replace(sources=sources, trust=trust)

    def _trust_of(self, hub: Hub, state: str) -> Trust:
        """Return whom a hub believes. A list may be long: it is read again when it has changed, or
        the server that numbers the changes is another, and not with every change there is."""
        run = state.partition(" ")[0]
        mark = f"{run} {hub.trust_version}"
        kept = self._trusts.get(hub.name)
        if kept is not None and kept[0] == mark:
            return kept[1]
        if len(self._trusts) >= MOST_HUBS:
            self._trusts.clear()
        trust = self._rules.trust(hub.name)
        self._trusts[hub.name] = mark, trust
        return trust
