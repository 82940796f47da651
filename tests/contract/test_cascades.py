"""Cascades: stored under their version, sealed, told of by their hub's owner alone."""

from dataclasses import replace

import pytest

from coordinator.cascade import (
    MOST_OF_A_HUB,
    Cascade,
    CascadeAuth,
    CascadeState,
    CascadeStatus,
    CascadeTrust,
)
from coordinator.controller import Controller
from coordinator.errors import AlreadyExists, Conflict, InvalidValue, NotFound, SealBroken
from coordinator.fleet import Fleet
from coordinator.lease import Lease
from coordinator.model import Hub, HubKind, Traffic
from coordinator.placement import Grant, Here
from tests.contract.test_lease import renew
from tests.contract.values import (
    ALICE,
    HUB,
    LATER,
    LOGIN,
    NOW,
    furnish,
    new_key,
    open_session,
    register,
)

SITE = Cascade("Corp", "Site: A", "vpn.example.org", 5555, "BRANCH", "corp", secret=b"S" * 20)
LAN = Hub("Lan", kind=HubKind.STATIC)


EVERYTHING = {
    "state": CascadeState.CONNECTED,
    "why": "x",
    "error": 9,
    "attempts": 3,
    "logins": 2,
    "server": "192.0.2.1:5555",
    "session": "SID-CORP-1",
    "connection": "CID-1",
    "connections": 2,
    "cipher": "TLS",
    "use_compress": True,
    "half_connection": True,
    "max_connection": 8,
    "far_policy": {"Access": 1},
    "first_connected": NOW,
    "connected": NOW,
    "next_try": LATER,
    "traffic": Traffic(1, 2, 3, 4, 5, 6, 7, 8),
}


def status_of(cascade: Cascade, grant: Grant, **changes: object) -> CascadeStatus:
    said = CascadeStatus(
        *(cascade.hub, cascade.name, grant.node, grant.inc, grant.epoch, cascade.version),
        CascadeState.CONNECTING,
    )
    return replace(said, started=NOW, updated=NOW, **changes)  # type: ignore[arg-type]  # fields by name


def take(fleet: Fleet, lease: Lease, hub: str) -> Grant:
    """Have `lease`'s node serve a hub with cascades."""
    placed = fleet.placement.place(lease, hub, NOW, here=True, cascades=True)
    assert isinstance(placed, Here)
    assert placed.grant is not None
    assert fleet.placement.activate(placed.grant, NOW)
    return placed.grant


def test_a_cascade_is_stored_whole_and_found_in_any_case(fleet: Fleet) -> None:
    furnish(fleet)
    full = replace(
        SITE,
        auth=CascadeAuth.CERTIFICATE,
        secret=b"KEY",
        certificate="CERT",
        trust=CascadeTrust.PIN,
        pin="ab" * 32,
        server_certificate="THEIRS",
        max_connection=3,
        use_compress=True,
        half_connection=True,
        policy={"MaxMac": 5},
    )
    made = fleet.cascades.create(full, NOW)
    assert made == replace(full, created=NOW, changed=NOW, version=3)
    assert fleet.cascades.get("CORP", "SITE: a") == made
    assert fleet.cascades.of_hub("corp") == [made]
    assert fleet.cascades.get("corp", "other") is None
    assert fleet.cascades.get("a:b", "c") is None
    with pytest.raises(AlreadyExists, match="cascade named 'SITE: A'"):
        fleet.cascades.create(replace(SITE, name="SITE: A"), NOW)
    with pytest.raises(NotFound, match="no hub"):
        fleet.cascades.create(replace(SITE, hub="nowhere"), NOW)


def test_setting_replaces_every_field_under_its_version(fleet: Fleet) -> None:
    furnish(fleet)
    first = fleet.cascades.create(replace(SITE, policy={"MaxMac": 5}), NOW)
    bare = replace(first, auth=CascadeAuth.ANONYMOUS, secret=None, policy={"MaxIP": 1})
    second = fleet.cascades.set(bare, LATER)
    assert fleet.cascades.get("corp", "site: a") == second
    assert (second.secret, second.policy, second.changed) == (None, {"MaxIP": 1}, LATER)
    with pytest.raises(Conflict, match="version 4 is there, 3 was read"):
        fleet.cascades.set(first, LATER)
    with pytest.raises(NotFound):
        fleet.cascades.set(replace(second, name="other"), LATER)


def test_a_renamed_cascade_is_the_same_with_its_secret_sealed_anew(fleet: Fleet, raw) -> None:
    furnish(fleet)
    keys = fleet.store.keys
    made = fleet.cascades.create(SITE, NOW)
    fleet.cascades.create(replace(SITE, name="taken"), NOW)
    with pytest.raises(AlreadyExists):
        fleet.cascades.set(replace(made, name="TAKEN"), LATER, was=made.name)
    moved = fleet.cascades.set(replace(made, name="north"), LATER, was=made.name)
    assert fleet.cascades.get("corp", "NORTH") == moved
    assert moved.secret == SITE.secret
    assert fleet.cascades.get("corp", made.name) is None
    assert [c.name for c in fleet.cascades.of_hub("corp")] == ["north", "taken"]
    respelled = fleet.cascades.set(replace(moved, name="North"), LATER, was=moved.name)
    assert fleet.cascades.get("corp", "north") == respelled
    raw.hset(
        keys.cascade("corp", "taken"), "secret", raw.hget(keys.cascade("corp", "north"), "secret")
    )
    with pytest.raises(SealBroken):
        fleet.cascades.get("corp", "taken")


def test_hubs_that_cascade_are_known_as_long_as_one_of_theirs_is_online(fleet: Fleet) -> None:
    furnish(fleet)
    cascades = fleet.cascades
    one = cascades.create(replace(SITE, online=False), NOW)
    assert cascades.cascading() == []
    two = cascades.create(replace(SITE, name="two"), NOW)
    assert cascades.cascading() == ["corp"]
    one = cascades.set(replace(one, online=True), LATER)
    two = cascades.set(replace(two, online=False), LATER)
    assert cascades.cascading() == ["corp"]
    cascades.delete("corp", one.name)
    assert cascades.cascading() == []
    cascades.set(replace(two, online=True), LATER)
    fleet.directory.delete_hub("corp")
    assert cascades.cascading() == []
    with pytest.raises(NotFound):
        cascades.delete("corp", "two")


def test_every_change_raises_the_directorys_version(fleet: Fleet) -> None:
    furnish(fleet)
    versions = [fleet.directory.version()]
    made = fleet.cascades.create(SITE, NOW)
    versions.append(fleet.directory.version())
    fleet.cascades.set(made, LATER)
    versions.append(fleet.directory.version())
    fleet.cascades.delete("corp", made.name)
    versions.append(fleet.directory.version())
    assert versions == [2, 3, 4, 5]


def test_a_hub_has_so_many_cascades_and_no_more(fleet: Fleet) -> None:
    furnish(fleet)
    for number in range(MOST_OF_A_HUB):
        fleet.cascades.create(replace(SITE, name=f"c{number}"), NOW)
    with pytest.raises(InvalidValue, match=f"{MOST_OF_A_HUB} allowed"):
        fleet.cascades.create(SITE, NOW)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "cascade name"),
        ({"host": "a b"}, "host 'a b'"),
        ({"tcp_port": 0}, "TCP port: 0, 1 to 65535 allowed"),
        ({"max_connection": 33}, "connections: 33, 1 to 32 allowed"),
        ({"secret": None}, "needs a secret"),
        ({"auth": CascadeAuth.ANONYMOUS}, "needs no secret"),
        ({"auth": CascadeAuth.CERTIFICATE}, "needs a certificate"),
        ({"trust": CascadeTrust.PIN}, "its pin is ''"),
        ({"trust": CascadeTrust.PIN, "pin": "AB" * 32}, "64 hex digits"),
        ({"pin": "ab" * 32}, "trust is any"),
        ({"authorities": "CA"}, "authorities are given"),
        ({"policy": {"MaxMac": -1}}, "policy MaxMac"),
    ],
)
def test_what_cannot_work_is_refused(fleet: Fleet, changes, said) -> None:
    with pytest.raises(InvalidValue, match=said):
        fleet.cascades.create(replace(SITE, **changes), NOW)


def test_only_the_owner_tells_how_a_cascade_is_doing(fleet: Fleet) -> None:
    furnish(fleet)
    made = fleet.cascades.create(SITE, NOW)
    first, second = register(fleet, "node-1"), register(fleet, "node-2")
    grant = take(fleet, first, "corp")
    said = status_of(made, grant, **EVERYTHING)
    assert fleet.cascades.report([said]) == []
    assert fleet.cascades.status("CORP", "site: a") == said
    shorter = status_of(made, grant)
    assert fleet.cascades.report([shorter]) == []
    assert fleet.cascades.statuses("corp", [made.name, "other"]) == [shorter, None]
    moved = fleet.placement.transfer(grant, "node-2", LATER)
    assert fleet.cascades.report([said]) == [said]
    (assigned,) = renew(fleet, second).assigned
    assert assigned == moved
    assert fleet.cascades.report([status_of(made, moved)]), "not taken up yet"
    assert fleet.placement.activate(moved, LATER)
    assert fleet.cascades.report([status_of(made, moved)]) == []


def test_nothing_is_told_of_a_cascade_that_is_offline_renamed_or_gone(fleet: Fleet) -> None:
    furnish(fleet)
    made = fleet.cascades.create(SITE, NOW)
    grant = take(fleet, register(fleet, "node-1"), "corp")
    said = status_of(made, grant)
    assert fleet.cascades.report([said]) == []
    made = fleet.cascades.set(replace(made, online=False), LATER)
    assert fleet.cascades.status("corp", made.name) is None
    assert fleet.cascades.report([said]) == [said]
    made = fleet.cascades.set(replace(made, online=True), LATER)
    assert fleet.cascades.report([said]) == []
    fleet.cascades.set(replace(made, name="north"), LATER, was=made.name)
    assert fleet.cascades.status("corp", made.name) is None
    assert fleet.cascades.report([said]) == [said]


def test_a_hub_with_an_online_cascade_is_not_given_up_as_idle(fleet: Fleet) -> None:
    furnish(fleet)
    grant = take(fleet, register(fleet, "node-1"), "corp")
    made = fleet.cascades.create(SITE, NOW)
    assert not fleet.placement.free(grant, LATER)
    fleet.cascades.set(replace(made, online=False), LATER)
    assert fleet.placement.free(grant, LATER)


def test_a_static_hub_has_an_owner_for_its_cascades_and_its_sessions_need_none(
    fleet: Fleet,
) -> None:
    furnish(fleet, LAN, replace(ALICE, hub="Lan"))
    first, second = register(fleet, "node-1"), register(fleet, "node-2")
    with pytest.raises(NotFound, match="dynamic hub"):
        fleet.placement.place(first, "lan", NOW, cascades=True)
    record = open_session(fleet, hub="Lan", inc=first.inc)
    made = fleet.cascades.create(replace(SITE, hub="Lan"), NOW)
    grant = take(fleet, first, "lan")
    assert fleet.cascades.report([status_of(made, grant)]) == []
    elsewhere = replace(LOGIN, hub="Lan", node="node-2", inc=second.inc)
    fleet.sessions.open(elsewhere, new_key(), NOW)
    assert fleet.sessions.adopt(record, "node-2", LATER, inc=second.inc) is not None
    with pytest.raises(NotFound, match="dynamic hub"):
        fleet.placement.place(second, "lan", NOW)
    assert not fleet.placement.free(grant, LATER)
    fleet.cascades.delete("lan", made.name)
    assert fleet.placement.free(grant, LATER), "sessions do not keep it"


def test_the_leader_gives_hubs_that_cascade_an_owner(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.directory.create_hub(LAN, NOW)
    fleet.directory.create_hub(Hub("Away", online=False), NOW)
    for hub in ("Corp", "Lan", "Away"):
        fleet.cascades.create(replace(SITE, hub=hub), NOW)
    first, second = register(fleet, "node-1"), register(fleet, "node-2")
    controller = Controller(fleet.prologue, 60_000)
    assert controller.snapshot().waiting == ("corp", "lan")
    assert controller.step(first, NOW) == "2 hubs placed"
    grants = [*renew(fleet, first).assigned, *renew(fleet, second).assigned]
    assert sorted((grant.hub, grant.node) for grant in grants) == [
        ("corp", "node-1"),
        ("lan", "node-2"),
    ]
    for grant in grants:
        assert fleet.placement.activate(grant, NOW)
    assert controller.snapshot().waiting == ()
    assert controller.step(first, NOW) == ""
    fleet.leases.leave(second, "stops", NOW)
    assert controller.step(first, NOW) == "1 hubs placed"
    assert [grant.hub for grant in renew(fleet, first).assigned] == ["lan"]
