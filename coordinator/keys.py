"""The keys of a fleet, by name. What each kind holds: `schema.KEYS`.

All keys begin with `ef:{<fleet>}:`. The braces are Redis Cluster's hash tag: one fleet lives on
one shard, so every atomic step may touch all of its keys, and several fleets share one Redis.
Names inside a key are folded (`names.fold`). No key has a time to live: nothing here depends on
the clock of the store.
"""

from functools import lru_cache

from coordinator.names import (
    KEPT,
    check_administrator_name,
    check_cascade_name,
    check_fleet_name,
    check_group_name,
    check_hub_name,
    check_node_name,
    check_user_name,
    fold,
    fold_upper,
)
from coordinator.schema import KEYS
from coordinator.schema_kind import Key

__all__ = ["KEYS", "Key", "Keys"]


class Keys:
    """The keys of one fleet by name. Each method returns a whole key, or raises InvalidValue.

    Names are checked here, so that no name can make one key look like another.
    """

    def __init__(self, fleet: str) -> None:
        """Raise InvalidValue if no fleet may be called `fleet`."""
        self.fleet = check_fleet_name(fleet)
        self.prefix = f"ef:{{{fleet}}}:"

    def meta(self) -> str:
        return f"{self.prefix}meta"

    def tls(self) -> str:
        return f"{self.prefix}tls"

    def directory_version(self) -> str:
        return f"{self.prefix}directory-version"

    def administration(self) -> str:
        return f"{self.prefix}administration"

    def hub_administration(self, hub: str) -> str:
        return f"{self.prefix}hub-administration:{_hub(hub)}"

    def administrators(self) -> str:
        return f"{self.prefix}administrators"

    def administrator(self, name: str) -> str:
        return f"{self.prefix}administrator:{check_administrator_name(name)}"

    def admin_tokens(self) -> str:
        return f"{self.prefix}admin-tokens"

    def attempts(self) -> str:
        return f"{self.prefix}attempts"

    def hubs(self) -> str:
        return f"{self.prefix}hubs"

    def hub(self, hub: str) -> str:
        return f"{self.prefix}hub:{_hub(hub)}"

    def bridges(self) -> str:
        return f"{self.prefix}bridges"

    def users(self, hub: str) -> str:
        return f"{self.prefix}users:{_hub(hub)}"

    def user(self, hub: str, user: str) -> str:
        return f"{self.prefix}user:{_hub(hub)}:{_user(user)}"

    def groups(self, hub: str) -> str:
        return f"{self.prefix}groups:{_hub(hub)}"

    def group(self, hub: str, group: str) -> str:
        return f"{self.prefix}group:{_hub(hub)}:{_group(group)}"

    def access(self, hub: str) -> str:
        return f"{self.prefix}access:{_hub(hub)}"

    def sources(self, hub: str) -> str:
        return f"{self.prefix}sources:{_hub(hub)}"

    def authorities(self, hub: str) -> str:
        return f"{self.prefix}authorities:{_hub(hub)}"

    def revocations(self, hub: str) -> str:
        return f"{self.prefix}revocations:{_hub(hub)}"

    def cascades(self, hub: str) -> str:
        return f"{self.prefix}cascades:{_hub(hub)}"

    def cascade(self, hub: str, name: str) -> str:
        return f"{self.prefix}cascade:{_hub(hub)}:{fold(check_cascade_name(name))}"

    def cascade_status(self, hub: str, name: str) -> str:
        return f"{self.prefix}cascade-status:{_hub(hub)}:{fold(check_cascade_name(name))}"

    def cascading(self) -> str:
        return f"{self.prefix}cascading"

    def session_number(self, hub: str) -> str:
        return f"{self.prefix}session-number:{_hub(hub)}"

    def sessions(self, hub: str) -> str:
        return f"{self.prefix}sessions:{_hub(hub)}"

    def session(self, hub: str, session: str) -> str:
        return f"{self.prefix}session:{_hub(hub)}:{fold_upper(session)}"

    def session_keys(self) -> str:
        return f"{self.prefix}session-keys"

    def user_sessions(self, hub: str, user: str) -> str:
        return f"{self.prefix}user-sessions:{_hub(hub)}:{_user(user)}"

    def node_sessions(self, node: str) -> str:
        return f"{self.prefix}node-sessions:{check_node_name(node)}"

    def left(self) -> str:
        return f"{self.prefix}left"

    def left_since(self) -> str:
        return f"{self.prefix}left-since"

    def nodes(self) -> str:
        return f"{self.prefix}nodes"

    def node(self, node: str) -> str:
        return f"{self.prefix}node:{check_node_name(node)}"

    def orders(self, node: str) -> str:
        return f"{self.prefix}orders:{check_node_name(node)}"

    def settings(self) -> str:
        return f"{self.prefix}settings"

    def leases(self) -> str:
        return f"{self.prefix}leases"

    def load(self) -> str:
        return f"{self.prefix}load"

    def unreconciled(self) -> str:
        return f"{self.prefix}unreconciled"

    def owner(self, hub: str) -> str:
        return f"{self.prefix}owner:{_hub(hub)}"

    def node_hubs(self, node: str) -> str:
        return f"{self.prefix}node-hubs:{check_node_name(node)}"

    def node_assigned(self, node: str) -> str:
        return f"{self.prefix}node-assigned:{check_node_name(node)}"

    def ticket(self, ticket_hash: str) -> str:
        return f"{self.prefix}ticket:{ticket_hash}"

    def tickets(self) -> str:
        return f"{self.prefix}tickets"

    def hub_tickets(self, hub: str) -> str:
        return f"{self.prefix}hub-tickets:{_hub(hub)}"

    def user_tickets(self, hub: str, user: str) -> str:
        return f"{self.prefix}user-tickets:{_hub(hub)}:{_user(user)}"

    def node_tickets(self, node: str) -> str:
        return f"{self.prefix}node-tickets:{check_node_name(node)}"

    def leader(self) -> str:
        return f"{self.prefix}leader"

    def log(self) -> str:
        return f"{self.prefix}log"

    def syslog(self) -> str:
        return f"{self.prefix}syslog"

    def audit(self) -> str:
        return f"{self.prefix}audit"

    def presence(self, node: str, inc: int) -> str:
        """A channel, no key: a node stays subscribed to it as long as it runs."""
        return f"{self.prefix}presence:{check_node_name(node)}:{inc}"

    def calls(self, node: str) -> str:
        """A channel, no key: what other nodes ask this one, and answer it."""
        return f"{self.prefix}calls:{check_node_name(node)}"

    def hub_traffic(self, hub: str) -> str:
        return f"{self.prefix}traffic:hub:{_hub(hub)}"

    def user_traffic(self, hub: str, user: str) -> str:
        return f"{self.prefix}traffic:user:{_hub(hub)}:{_user(user)}"

    def describe(self, key: str) -> Key | None:
        """Return the kind of a whole `key`; None if it is none of this fleet's."""
        if not key.startswith(self.prefix):
            return None
        name = key.removeprefix(self.prefix)
        return next((kind for kind in KEYS if kind.matches(name)), None)


@lru_cache(maxsize=KEPT)
def _hub(name: str) -> str:
    return fold(check_hub_name(name))


@lru_cache(maxsize=KEPT)
def _user(name: str) -> str:
    return fold(check_user_name(name))


def _group(name: str) -> str:
    return fold(check_group_name(name))
