"""A whole fleet in namespaces: a store, three machines, and clients around them.

      store        host-a       host-b       host-c       alpha  beta  carol …
      Valkey       supervisor   supervisor   supervisor   clients, one each
                   2 workers    2 workers    2 workers
      10.99.0.1    10.99.0.2    10.99.0.3    10.99.0.4    10.99.0.5 …
    ────┴────────────┴────────────┴────────────┴────────────┴──────┴──────┴──  bridge

    with Fleet("alpha", "beta") as fleet:
        fleet.create_hub("LAB", alice="not a secret")
        owner = fleet.owner("LAB")
        fleet.host_of(owner).kill_worker(owner)

Each machine has an empty disk of its own; what they share is the store and the fleet key.
"""

import base64
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from coordinator.errors import StoreError
from coordinator.fleet import Fleet as Records
from coordinator.fleet import join
from coordinator.model import AuthKind, Hub, HubKind, NodeMode, User
from coordinator.placement import Ownership
from coordinator.redis_store import connect
from coordinator.times import utc_now
from gateway.wire.auth import user_password_hash
from tests.stock.host import Host
from tests.stock.namespaces import Lan, Namespace
from tests.stock.store import StoreServer
from tests.stock.waiting import until

HOSTS = ("host-a", "host-b", "host-c")
KEY = bytes(range(32))


class Fleet:
    """Store and machines; `hosts` start in reverse order, so the last one leads."""

    def __init__(
        self,
        *clients: str,
        workers: int = 2,
        hosts: tuple[str, ...] = HOSTS,
        settings: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`clients` are the labels of namespaces for clients. `settings`: text of etherfleet.toml
        beside `[fleet]`, `[store]` and `[gateway]`; `env`: of all gateways."""
        self.lan = Lan("store", *hosts, *clients)
        self._labels = hosts
        self._workers = workers
        self._settings = settings
        self._env = env
        self._stack = ExitStack()
        self.hosts: dict[str, Host] = {}
        self.store: StoreServer
        self.records: Records
        self._connected = False

    def __enter__(self) -> "Fleet":
        with ExitStack() as stack:
            stack.enter_context(self.lan)
            self.store = stack.enter_context(StoreServer(self.lan["store"]))
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="eft-key-"))
            key_file = Path(directory) / "fleet.key"
            key_file.write_text(base64.b64encode(KEY).decode() + "\n")
            text = (
                f'[fleet]\nkey_file = "{key_file}"\n[store]\nurl = "{self.store.url}"\n'
                f"{self._settings}"
            )
            records = connect(self.store.local_url, "default")
            stack.callback(records.close)
            self.records = join(records, KEY, utc_now())
            for label in self._labels:
                host = Host(self.lan[label], settings=text, workers=self._workers, env=self._env)
                self.hosts[label] = host
                stack.callback(host.remove)
            for label in reversed(self._labels):
                self.hosts[label].start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def __getitem__(self, label: str) -> Namespace:
        return self.lan[label]

    # -- the directory ----------------------------------------------------------------------------

    def create_hub(self, name: str, *, static: bool = False, **users: str) -> None:
        """Create a hub with users, `name="password"` each."""
        kind = HubKind.STATIC if static else HubKind.DYNAMIC
        self.records.directory.create_hub(Hub(name, kind=kind), utc_now())
        for user, password in users.items():
            secret = user_password_hash(password, user)
            self.records.directory.create_user(
                User(name, user, auth=AuthKind.PASSWORD, secret=secret), utc_now()
            )

    # -- what the store says ----------------------------------------------------------------------

    def ownership(self, hub: str) -> Ownership | None:
        return self.records.placement.owner(hub)

    def owner(self, hub: str) -> str:
        """Return the node that has `hub` and serves it; "" while nobody does."""
        found = self.ownership(hub)
        return found.node if found is not None and found.state == "active" else ""

    def wait_owner(self, hub: str, *, other_than: str = "", timeout: float = 20) -> str:
        """Wait until somebody (else) serves `hub`; return who."""
        return (
            until(
                lambda: (owner := self.owner(hub)) not in ("", other_than) and owner,
                f"an owner of {hub} other than {other_than!r}",
                timeout,
                lambda: self.ownership(hub),
                pause=0.01,
            )
            or ""
        )

    def move(self, hub: str, to: str) -> None:
        """Have `hub` on node `to`."""
        if self.owner(hub) != to:
            self.records.placement.order_move(hub, to, utc_now())
            until(lambda: self.owner(hub) == to, f"{hub} to be on {to}", 20)

    def leader(self) -> str:
        """Return the node that leads, "" if none does."""
        leader = self.records.election.leader()
        return leader.node if leader is not None else ""

    def set_mode(self, node: str, mode: NodeMode) -> None:
        self.records.nodes.set_mode(node, mode, utc_now())

    def sessions(self, hub: str) -> dict[str, str]:
        """Return the sessions recorded of `hub`, and the node of each."""
        return {record.name: record.node for record in self.records.sessions.of_hub(hub)}

    def history(self) -> list[str]:
        """Return the history as lines, oldest first."""
        return [
            f"{e.at} {e.what} node={e.node} hub={e.hub} epoch={e.epoch} by={e.by} {e.why}"
            for e in self.records.history.latest(1000)
        ]

    # -- machines ---------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[str]:
        return [node for host in self.hosts.values() for node in host.nodes]

    def host_of(self, node: str) -> Host:
        """Return the machine of a node."""
        return next(host for host in self.hosts.values() if node in host.nodes)

    def logins(self, hub: str) -> int:
        """Return how many sessions were begun on `hub`, by the logs of all machines."""
        return sum(
            event["hub"].lower() == hub.lower()
            for host in self.hosts.values()
            for event in host.events("session started")
        )

    def counts(self) -> Counter[str]:
        """Return what was counted, over all nodes alive."""
        total: Counter[str] = Counter()
        for node in self.records.nodes.nodes():
            total.update(node.counts)
        return total

    def faults(self) -> list[str]:
        """Return what should not be in any log."""
        return [fault for host in self.hosts.values() for fault in host.faults()]

    def cut(self, label: str) -> None:
        """Pull the plug of one machine: frames vanish in silence, both ways."""
        self.lan.cut(label)

    def join(self, label: str) -> None:
        """Put the plug back."""
        self.lan.join(label)

    def store_answers(self) -> bool:
        try:
            self.records.directory.version()
        except StoreError:
            return False
        return True

    def explain(self) -> str:
        """Return the history and the ends of the logs."""
        tails = [f"--- {label}\n{host.log()[-3000:]}" for label, host in self.hosts.items()]
        return "\n".join([*self.history()[-40:], *tails])
