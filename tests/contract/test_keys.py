"""`docs/keys.md`, `keys.KEYS` and the store say the same, and the store keeps secrets."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.access import AccessRule
from coordinator.administrators import Administrator
from coordinator.attempts import Allowance, Door
from coordinator.audit import Actor
from coordinator.cascade import CascadeAuth, CascadeTrust
from coordinator.errors import StaleEpoch
from coordinator.fleet import Fleet
from coordinator.groups import Group
from coordinator.hub_log import Syslog, SyslogSave
from coordinator.masks import read_network
from coordinator.model import (
    AuthKind,
    Bridge,
    FleetCertificate,
    Hub,
    NodeMode,
    Role,
    SessionUpdate,
    Traffic,
    User,
)
from coordinator.placement import Here
from coordinator.schema import KEYS, to_markdown
from coordinator.sessions import hash_session_key
from coordinator.sources import SourceRule
from coordinator.trust import Authority, Revocation
from tests.conftest import FLEET_KEY
from tests.contract.test_cascades import EVERYTHING, SITE, status_of, take
from tests.contract.values import ALICE, HUB, LATER, LOGIN, NODE, NOW, machine, new_key, register

ROOT = Path(__file__).parents[2]
PASSWORD_HASH = bytes(range(200, 220))
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----\n"
SHARED = {
    *("clock", "load", "tickets", "limits", "fence", "members", "grants", "forget"),
    *("directory_state", "cascading", "left"),
}
READING = {"directory_find"}  # changes nothing
MOVED = Traffic(1, 100, 2, 200, 3, 300, 4, 400)


@pytest.fixture
def session_key(fleet: Fleet, raw) -> bytes:
    """The key of a session in a fleet where everything that writes has written."""
    directory, sessions = fleet.directory, fleet.sessions
    hub = directory.create_hub(replace(HUB, message="hello", options={"FilterBPDU": 1}), NOW)
    directory.set_hub(replace(hub, max_sessions=9), LATER)
    secret = replace(ALICE, secret=PASSWORD_HASH, expires=LATER, policy={"MultiLogins": 3})
    directory.create_user(secret, NOW)
    directory.create_group(Group("Corp", "Staff", policy={"MaxUpload": 1}), NOW)
    directory.create_user(replace(ALICE, name="Bob", group="Staff"), NOW)
    fleet.rules.add_access_rules("Corp", [AccessRule(1)], NOW)
    fleet.rules.add_source_rules("Corp", [SourceRule(read_network("192.0.2.0/24"))], NOW)
    directory.set_user(replace(directory.user("corp", "bob"), note="moved"), LATER)
    by_certificate = User("Corp", "Carl", AuthKind.CERTIFICATE, certificate=b"DER")
    directory.create_user(by_certificate, NOW)
    signed = User("Corp", "Dora", AuthKind.SIGNED, common_name="dora", serial=b"\x01")
    directory.create_user(signed, NOW)
    fleet.rules.add_authority("Corp", Authority(b"DER", "CN=CA"), NOW)
    fleet.rules.add_revocation("Corp", Revocation(common_name="eve"), NOW)
    key = new_key()
    login = replace(LOGIN, unique_id=machine(1), policy={"Access": 1}, group="Staff")
    record = sessions.adopt(sessions.open(login, key, NOW), "node-1", LATER)
    report = SessionUpdate(record, 2, MOVED, ("02:00:00:00:00:01",), ("10.0.0.1",))
    sessions.update([report], LATER)
    sessions.kick("corp", sessions.open(login, new_key(), NOW).name)
    cascade(fleet)
    fleet.traffic.add({"Corp": MOVED}, {("Corp", "Alice"): MOVED}, {"Corp": {"storm": 3}})
    live_through_everything(fleet, raw)
    fleet.bridges.add(Bridge("Corp", "eth1"))
    record = sessions.open(login, new_key(), NOW)
    sessions.update([SessionUpdate(record, 1, macs=("02:00:00:00:00:02",))], NOW)
    sessions.kick("corp", record.name)
    fleet.history.note("bridge", "eth1 is missing", NOW, node="node-1", hub="corp")
    fleet.administration.set_fleet_secret(PASSWORD_HASH, NOW)
    options = {"no_offline": 1}
    fleet.administration.set_hub("corp", NOW, secret=PASSWORD_HASH, options=options)
    named = Administrator("carol", Role.HUB_ADMIN, secret=PASSWORD_HASH, credential="1")
    fleet.administrators.add(replace(named, hub="Corp", hub_created=NOW, expires=LATER), NOW)
    fleet.administrators.add(replace(named, name="ci", token_hash="ab" * 32), NOW)
    fleet.attempts.wrong(Door.USERS, "192.0.2.1", "corp/alice", *[Allowance(5, 4000)] * 2)
    fleet.syslog.set(Syslog(SyslogSave.SECURITY, "log.example.org"))
    change = {"hub": "Corp", "about": "Alice", "before": {"n": "1"}, "after": {"n": "2"}}
    fleet.acting(Actor("rpc", "alice", "192.0.2.1", "read-only")).audit.add("user set", **change)
    fleet.certificates.get_or_create(FleetCertificate("CERTIFICATE", "former"), NOW)
    fleet.certificates.set(FleetCertificate("CERTIFICATE", PRIVATE_KEY), NOW)
    return key


def cascade(fleet: Fleet) -> None:
    """A cascade by a hub of its own, with everything there is to say of it."""
    fleet.directory.create_hub(Hub("Fifth"), NOW)
    site = replace(SITE, hub="Fifth", secret=PASSWORD_HASH, policy={"MaxMac": 5})
    pinned = replace(site, trust=CascadeTrust.PIN, pin="ab" * 32, server_certificate="THEIRS")
    made = fleet.cascades.create(pinned, NOW)
    other = replace(site, name="other", trust=CascadeTrust.AUTHORITIES, authorities="CA")
    fleet.cascades.create(
        replace(other, auth=CascadeAuth.CERTIFICATE, secret=b"KEY", certificate="OURS"), NOW
    )
    lease = register(fleet, "node-9")
    grant = take(fleet, lease, "fifth")
    assert fleet.cascades.report([status_of(made, grant, **EVERYTHING)]) == []
    fleet.leases.leave(lease, "stops", NOW)


def live_through_everything(fleet: Fleet, raw) -> None:
    """Three nodes, hubs and tickets of theirs, a leader, a fault of each kind."""
    placement, keys = fleet.placement, fleet.store.keys
    fleet.directory.create_hub(Hub("Other"), NOW)
    fleet.directory.create_user(replace(ALICE, hub="Other"), NOW)
    lease, second, third = (register(fleet, f"node-{n}") for n in (1, 2, 3))
    fleet.leases.renew(lease, replace(NODE, counts={"over-limit": 1}), 0.0, NOW)
    placed = placement.place(lease, "other", NOW, here=True)
    assert isinstance(placed, Here)
    login = replace(LOGIN, hub="Other", policy={"Access": 1}, unique_id=machine(2))
    placement.admit(lease, login, b"a ticket", NOW)
    placement.order_move("other", "node-2", NOW)
    # Node 2 was given a hub by a store that had lost its grant to node 1.
    fleet.directory.create_hub(Hub("Third"), NOW)
    placement.place(second, "third", NOW, here=True)
    third_epoch = fleet.prologue.highest_epoch + 1
    claims = {"other": placed.grant.epoch, "third": third_epoch}
    fleet.leases.reconcile(lease, NODE, claims, 0.0, NOW)
    fleet.directory.create_hub(Hub("Fourth"), NOW)
    fourth = placement.place(second, "fourth", NOW, here=True)
    assert isinstance(fourth, Here)
    placement.transfer(fourth.grant, "nowhere", NOW)
    fleet.nodes.set_mode("node-2", NodeMode.DRAINING, NOW, drain_rate=5)
    fleet.election.lead(second, NOW)
    fleet.election.step_down(NOW)
    raw.hset(keys.leader(), mapping={"node": "node-1", "inc": lease.inc})
    # A restart of the store, long ago; a leave; a suspicion; a write of somebody who lost a hub.
    raw.hset(keys.meta(), mapping={"run": "another", "seen_ms": 1})
    fleet.leases.leave(third, "stops", NOW)
    raw.hset(keys.node("node-3"), "suspected_ms", 1)
    with pytest.raises(StaleEpoch):
        fleet.sessions.open(replace(login, hub_epoch=1), new_key(), NOW)


def contents(fleet: Fleet, raw) -> dict[str, tuple[str, list[dict[str, str]] | list[str]]]:
    """Return each key's type and what is in it: fields, or members."""
    readers = {
        "string": lambda key: [raw.get(key)],
        "set": lambda key: sorted(raw.smembers(key)),
        "hash": lambda key: [raw.hgetall(key)],
        "zset": lambda key: raw.zrange(key, 0, -1),
        "stream": lambda key: [entry for _, entry in raw.xrange(key)],
    }
    return {key: (kind, readers[kind](key)) for key, kind in fleet.store.scan()}


def test_every_key_in_the_store_is_described_with_its_type_and_fields(
    fleet: Fleet, session_key, raw
) -> None:
    present = set()
    for key, (kind, values) in contents(fleet, raw).items():
        described = fleet.store.keys.describe(key)
        assert described is not None, key
        assert described.type == kind, key
        present.add(described.pattern)
        for value in values:
            if isinstance(value, dict):
                assert [f for f in value if not described.knows(f)] == [], key
                fixed = {f for f in described.fields if "<" not in f and not f.endswith("?")}
                assert fixed - value.keys() == set(), key
    assert present == {key.pattern for key in KEYS}


def test_every_optional_field_occurs(fleet: Fleet, session_key, raw) -> None:
    seen: dict[str, set[str]] = {key.pattern: set() for key in KEYS}
    for key, (_, values) in contents(fleet, raw).items():
        described = fleet.store.keys.describe(key)
        for value in values:
            if isinstance(value, dict):
                seen[described.pattern] |= {
                    field
                    for field in described.fields
                    for name in value
                    if replace(described, fields=(field,)).knows(name)
                }
    missing = {key.pattern: set(key.fields) - seen[key.pattern] for key in KEYS}
    # `removing` lasts only as long as a large hub takes to be deleted.
    assert {pattern: m for pattern, m in missing.items() if m} == {"hub:<hub>": {"removing?"}}


def test_no_key_expires(fleet: Fleet, session_key, raw) -> None:
    assert {raw.pttl(key) for key, _ in fleet.store.scan()} == {-1}


def test_no_credential_is_in_the_store(fleet: Fleet, session_key, raw) -> None:
    everything = repr(contents(fleet, raw))
    for secret in (PASSWORD_HASH, session_key, FLEET_KEY, PRIVATE_KEY.encode()):
        for shown in (
            secret.hex(),
            secret.hex().upper(),
            base64.b64encode(secret).decode().rstrip("="),
            repr(secret)[2:-1],
            repr(secret.decode("latin-1"))[1:-1],
        ):
            assert shown not in everything
    assert "PRIVATE KEY" not in everything
    # Seal check, private key, three users, four administrators, two cascades.
    assert everything.count("sealed:v1:") == 11
    assert hash_session_key(session_key) in everything


def test_document_is_made_from_the_table() -> None:
    document = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    _, _, made = document.partition("## The keys\n\n")
    assert made == to_markdown(), (
        "docs/keys.md: replace what follows '## The keys' by the output of "
        "python -c 'from coordinator.schema import to_markdown; print(to_markdown(), end=\"\")'"
    )


def test_every_step_is_named_by_the_keys_it_changes() -> None:
    named = {step for key in KEYS for step in key.steps}
    files = {path.stem for path in (ROOT / "coordinator" / "lua").glob("*.lua")}
    assert named == files - SHARED - READING
    for step in files - SHARED:
        head = (ROOT / "coordinator" / "lua" / f"{step}.lua").read_text(encoding="utf-8")
        assert "KEYS[1]" in head, step
        assert "-- Answers " in head, step
