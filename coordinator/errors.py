"""Every error the coordinator names. The text of each is one line an operator can act on.

Being second is not an error where it is ordinary: there a function returns None (see each one).
"""

from enum import StrEnum


class CoordinatorError(Exception):
    """Base of everything below."""


class InvalidValue(CoordinatorError):
    """A name, number or address nobody may store; the text gives what was seen and allowed."""


class StoreError(CoordinatorError):
    """The store is not what we can work with. Base of the next four."""


class StoreUnavailable(StoreError):
    """The store did not answer or cannot serve now. Whether it did what was asked is unknown."""


class StoreRefused(StoreError):
    """The store answered with an error that trying again will not cure."""


class ForeignStore(StoreError):
    """The store holds something else under our names, another schema, or no fleet at all."""


class WrongFleetKey(StoreError):
    """The fleet in the store was made with another fleet key than the one we were given."""


class SealBroken(CoordinatorError):
    """A sealed value does not open: other key, moved to another record, or changed."""


class NotFound(CoordinatorError):
    """Nothing of this name. `kind` is "hub", "user", "group", "session", "node", "administrator",
    "token", or, with a number for a name, "access rule", "source rule", "trusted certificate" or
    "revoked certificate"."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} named {name!r}")
        self.kind = kind
        self.name = name


class AlreadyExists(CoordinatorError):
    """The name is taken. `kind` as in `NotFound`."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"a {kind} named {name!r} exists already")
        self.kind = kind
        self.name = name


class Conflict(CoordinatorError):
    """Somebody changed the record since it was read: read it again and decide anew."""


class TooMany(CoordinatorError):
    """A hub holds as many of a kind as it may, or the fleet as many hubs. `kind` as in
    `NotFound`."""

    def __init__(self, kind: str, allowed: int) -> None:
        where = "fleet" if kind == "hub" else "hub"
        super().__init__(f"too many {kind}s in this {where}: {allowed} are allowed")
        self.kind = kind
        self.allowed = allowed


class LeaseLost(CoordinatorError):
    """The node's lease is over and will not come back: stop every role, then register anew."""

    def __init__(self, why: str) -> None:
        super().__init__(f"lease lost: {why}")
        self.why = why


class StaleEpoch(CoordinatorError):
    """A write about a dynamic hub by a node that does not own it: counted, not carried out."""

    def __init__(self, hub: str, epoch: int, current: int) -> None:
        super().__init__(f"hub {hub!r}: epoch {epoch} is stale, {current} is current")
        self.hub = hub
        self.epoch = epoch
        self.current = current


class DirectoryChanged(CoordinatorError):
    """A login was judged by hubs and users as they were: judge it by what they are now."""


class BadTicket(CoordinatorError):
    """A ticket that admits nobody. `reason` is one word to count by: see `tickets`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"ticket refused: {reason}")
        self.reason = reason


class HubOffline(CoordinatorError):
    """The hub exists and takes no sessions now."""

    def __init__(self, hub: str) -> None:
        super().__init__(f"hub {hub!r} is offline")
        self.hub = hub


class Limit(StrEnum):
    """What there was no room in."""

    HUB_SESSIONS = "hub-sessions"
    USER_LOGINS = "user-logins"


class NoRoom(CoordinatorError):
    """A limit is reached: `seen` of `allowed` are taken."""

    def __init__(
        self, limit: Limit, owner: str, seen: int, allowed: int, *, may_change: bool = False
    ) -> None:
        """`may_change`: it is full by this client's own session, whose node may just have died."""
        super().__init__(f"{limit.value} of {owner!r}: {seen} taken, {allowed} allowed")
        self.limit = limit
        self.owner = owner
        self.seen = seen
        self.allowed = allowed
        self.may_change = may_change
