"""A fleet: everything one process needs of the store, behind one connection.

`join` is how a process enters it. It makes the fleet if the store has none, and refuses a store
that is not ours to use: one of another schema, or sealed with another fleet key.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coordinator.administration import Administration
from coordinator.administrators import Administrators
from coordinator.attempts import Attempts
from coordinator.audit import Actor, Audit
from coordinator.bridges import Bridges
from coordinator.calls import Calls
from coordinator.cascades import Cascades
from coordinator.certificates import Certificates
from coordinator.directory import Directory
from coordinator.election import Election
from coordinator.errors import ForeignStore, SealBroken, WrongFleetKey
from coordinator.history import History
from coordinator.lease import Leases
from coordinator.nodes import Nodes
from coordinator.placement import Placement
from coordinator.prologue import Prologue
from coordinator.records import flat, unflat
from coordinator.redis_store import RedisStore
from coordinator.rules import Rules
from coordinator.seal import Sealer, context_of, derive
from coordinator.sessions import Sessions
from coordinator.store import Store
from coordinator.syslog import SyslogSettings
from coordinator.tickets import Tickets
from coordinator.times import Timestamp
from coordinator.timing import Timing
from coordinator.traffic import TrafficTotals

SCHEMA = "1"
OLDEST_SERVER = (6, 2)  # XTRIM MINID
_SEAL_CHECK = b"etherfleet"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is in the store, by noun."""

    store: RedisStore
    cluster: str
    """The fleet's own id, a UUID made with it."""
    directory: Directory
    bridges: Bridges
    administration: Administration
    administrators: Administrators
    """Those with names, and tokens."""
    attempts: Attempts
    """Wrong passwords of late."""
    cascades: Cascades
    sessions: Sessions
    rules: Rules
    """Access lists and source rules of hubs."""
    traffic: TrafficTotals
    nodes: Nodes
    certificates: Certificates
    prologue: Prologue
    timing: Timing
    """The times of this fleet's leases."""
    leases: Leases
    placement: Placement
    tickets: Tickets
    election: Election
    history: History
    calls: Calls
    witness_key: bytes = field(repr=False)
    """Nodes and their witnesses seal their datagrams with it."""
    syslog: SyslogSettings
    audit: Audit
    """What people did, and who is acting here."""
    warnings: tuple[str, ...]
    """What is wrong with how the server is set up; one line each, what to do included."""

    def acting(self, actor: Actor) -> "Fleet":
        """Return the fleet in the hands of `actor`: what is changed through it is noted as his."""
        return replace(self, audit=self.audit.by(actor))

    def leases_over(self, store: Store) -> Leases:
        """Return the leases over a connection of their own: a node renews over nothing else."""
        return Leases(self.prologue.over(store), self.timing)


def join(
    store: RedisStore,
    fleet_key: bytes,
    now: Timestamp,
    *,
    create: bool = True,
    timing: Timing | None = None,
) -> Fleet:
    """Return the fleet in `store`, made first if there is none and `create` says so.

    `timing` is for a fleet that is made now; one that exists has its own. Raises StoreUnavailable,
    ForeignStore (another schema, foreign data, nothing there), WrongFleetKey, InvalidValue (a key
    of the wrong size).
    """
    sealer = Sealer(fleet_key)
    meta = _meta(store, sealer, now, create)
    _check_meta(meta, store, sealer)
    times = _timing(store, timing or Timing())
    prologue = Prologue(store, meta["cluster"])
    return Fleet(
        store=store,
        cluster=meta["cluster"],
        directory=Directory(store, sealer),
        bridges=Bridges(store),
        administration=Administration(store, sealer),
        administrators=Administrators(store, sealer),
        attempts=Attempts(store),
        cascades=Cascades(store, sealer),
        sessions=Sessions(store),
        rules=Rules(store),
        traffic=TrafficTotals(store),
        nodes=Nodes(prologue),
        certificates=Certificates(store, sealer),
        prologue=prologue,
        timing=times,
        leases=Leases(prologue, times),
        placement=Placement(prologue),
        tickets=Tickets(prologue),
        election=Election(prologue),
        history=History(prologue),
        calls=Calls(store, sealer),
        witness_key=derive(fleet_key, "witness v1"),
        syslog=SyslogSettings(store),
        audit=Audit(store),
        warnings=find_faults(store.facts()),
    )


def _meta(store: RedisStore, sealer: Sealer, now: Timestamp, create: bool) -> dict[str, str]:
    key = store.keys.meta()
    if not create:
        return store.fields(key)
    fields: list[str | int] = [
        *("cluster", str(uuid.uuid4())),
        *("schema", SCHEMA),
        *("created", now),
        *("seal_check", sealer.seal(_SEAL_CHECK, context_of(key, "seal_check"))),
    ]
    return unflat(store.step("create_once", [key], fields)[1:])


def _timing(store: RedisStore, timing: Timing) -> Timing:
    fields: list[str | int] = flat(timing.to_fields())
    return Timing.from_fields(
        unflat(store.step("create_once", [store.keys.settings()], fields)[1:])
    )


def _check_meta(meta: Mapping[str, str], store: RedisStore, sealer: Sealer) -> None:
    fleet = store.keys.fleet
    if not meta:
        raise ForeignStore(
            f"no fleet named {fleet!r} in {store.where}: start a gateway there first, "
            "or correct the store's URL or the fleet's name"
        )
    if "cluster" not in meta or "seal_check" not in meta or "schema" not in meta:
        raise ForeignStore(f"{store.keys.meta()} in {store.where} is not a fleet of ours")
    if meta["schema"] != SCHEMA:
        raise ForeignStore(
            f"fleet {fleet!r} in {store.where} has schema {meta['schema']}, "
            f"this program knows {SCHEMA}: run the version that made it"
        )
    try:
        sealer.open(meta["seal_check"], context_of(store.keys.meta(), "seal_check"))
    except SealBroken:
        raise WrongFleetKey(
            f"fleet {fleet!r} in {store.where} was made with another fleet key: "
            "use that one, or another fleet name"
        ) from None


def find_faults(facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with a server, from what it says about itself (`INFO`)."""
    faults = []
    version = facts.get("valkey_version") or facts.get("redis_version") or "0"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        faults.append(f"server version {version}: 6.2 or newer is needed")
    if (policy := facts.get("maxmemory_policy", "noeviction")) != "noeviction":
        faults.append(
            f"maxmemory-policy is {policy}: users and sessions may vanish when memory is short; "
            "CONFIG SET maxmemory-policy noeviction"
        )
    if facts.get("aof_enabled", "1") == "0":
        faults.append("appendonly is no: a restart of the store loses changes; set appendonly yes")
    return tuple(faults)
