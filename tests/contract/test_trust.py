"""Whose certificates a hub believes: listed, counted, gone with the hub; and users who need one."""

from dataclasses import replace

import pytest
import redis

from coordinator import rules as rules_module
from coordinator.errors import InvalidValue, NotFound, TooMany
from coordinator.fleet import Fleet
from coordinator.lookups import Lookups
from coordinator.model import AuthKind, User
from coordinator.trust import MAX_CERTIFICATE, NO_TRUST, Authority, Revocation, Trust
from tests.contract.values import ALICE, HUB, LATER, NOW

CA = Authority(b"\x30\x82 DER", "CN=Lab CA, O=Example")
STOLEN = Revocation(b"\x01\x55", common_name="alice smith")
CERTIFIED = User("Corp", "Carl", AuthKind.CERTIFICATE, certificate=b"DER of Carl")
SIGNED = User("Corp", "Dora", AuthKind.SIGNED, common_name="dora", serial=b"\x01")


def test_authorities_and_revocations_are_readable_lines(fleet: Fleet, raw: redis.Redis) -> None:
    fleet.directory.create_hub(HUB, NOW)
    assert fleet.rules.trust("corp") == NO_TRUST
    made = (
        fleet.rules.add_authority("corp", CA, NOW),
        fleet.rules.add_revocation("corp", STOLEN, NOW),
    )
    assert made == (replace(CA, id=1), replace(STOLEN, id=1))
    assert fleet.rules.trust("CORP") == Trust((made[0],), (made[1],))
    keys = fleet.store.keys
    assert raw.hget(keys.authorities("corp"), "rule:1") == (
        'subject="CN=Lab CA, O=Example" certificate=MIIgREVS'
    )
    assert raw.hget(keys.revocations("corp"), "rule:1") == ('common_name="alice smith" serial=0155')
    hub = fleet.directory.hub("corp")
    assert hub is not None
    assert hub.trust_version == fleet.directory.version()


def test_a_call_that_is_repeated_adds_nothing(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    for _ in range(2):
        assert fleet.rules.add_authority("corp", CA, NOW).id == 1
        assert fleet.rules.add_revocation("corp", STOLEN, NOW).id == 1


def test_a_revocation_is_changed_and_each_goes_by_its_number(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.rules.add_authority("corp", CA, NOW)
    made = fleet.rules.add_revocation("corp", STOLEN, NOW)
    other = fleet.rules.set_revocation("corp", replace(made, common_name="", md5=b"m" * 16), LATER)
    assert fleet.rules.trust("corp").revocations == (other,)
    for delete in (fleet.rules.delete_authority, fleet.rules.delete_revocation):
        with pytest.raises(NotFound):
            delete("corp", 2, LATER)
        delete("corp", 1, LATER)
    with pytest.raises(NotFound):
        fleet.rules.set_revocation("corp", other, LATER)
    assert fleet.rules.trust("corp") == NO_TRUST


def test_a_hub_believes_so_many_and_its_list_goes_with_it(
    fleet: Fleet, raw: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.directory.create_hub(HUB, NOW)
    for kind in ("_AUTHORITY", "_REVOCATION"):
        found = getattr(rules_module, kind)
        monkeypatch.setattr(rules_module, kind, found._replace(most=1))
    fleet.rules.add_authority("corp", CA, NOW)
    fleet.rules.add_revocation("corp", STOLEN, NOW)
    with pytest.raises(TooMany, match="too many trusted certificates in this hub: 1 are allowed"):
        fleet.rules.add_authority("corp", replace(CA, certificate=b"other"), NOW)
    with pytest.raises(TooMany):
        fleet.rules.add_revocation("corp", Revocation(b"\x02"), NOW)
    fleet.directory.delete_hub("corp")
    assert not raw.exists(fleet.store.keys.authorities("corp"))
    assert not raw.exists(fleet.store.keys.revocations("corp"))
    with pytest.raises(NotFound):
        fleet.rules.add_authority("corp", CA, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        Authority(b""),
        Authority(bytes(MAX_CERTIFICATE + 1)),
        Revocation(),
        Revocation(bytes(65)),
        Revocation(md5=b"short"),
        Revocation(sha1=bytes(19)),
        Revocation(common_name="x" * 256),
        Revocation(unit=" x"),
        Revocation(unit="\ud800"),
    ],
)
def test_what_nobody_may_store(fleet: Fleet, wrong: Authority | Revocation) -> None:
    fleet.directory.create_hub(HUB, NOW)
    is_authority = isinstance(wrong, Authority)
    add = fleet.rules.add_authority if is_authority else fleet.rules.add_revocation
    with pytest.raises(InvalidValue):
        add("corp", wrong, NOW)
    assert fleet.rules.trust("corp") == NO_TRUST


def test_users_by_certificate_are_stored_whole(fleet: Fleet, raw: redis.Redis) -> None:
    fleet.directory.create_hub(HUB, NOW)
    for user in (CERTIFIED, replace(SIGNED, serial=b"\0\x01")):
        fleet.directory.create_user(user, NOW)
    assert fleet.directory.user("corp", "carl").certificate == b"DER of Carl"
    dora = fleet.directory.user("corp", "dora")
    assert (dora.auth, dora.common_name, dora.serial) == (AuthKind.SIGNED, "dora", b"\x01")
    back = replace(dora, auth=AuthKind.PASSWORD, secret=b"S" * 20, common_name="", serial=b"")
    fleet.directory.set_user(back, LATER)
    fields = raw.hgetall(fleet.store.keys.user("corp", "dora"))
    assert not {"certificate", "common_name", "serial"} & fields.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"certificate": b""},
        {"certificate": bytes(MAX_CERTIFICATE + 1)},
        {"auth": AuthKind.SIGNED},
        {"auth": AuthKind.PASSWORD},
        {"serial": b"\x01"},
        {"common_name": "carl"},
    ],
)
def test_a_user_has_what_his_proof_needs_and_nothing_else(fleet: Fleet, changes: dict) -> None:
    fleet.directory.create_hub(HUB, NOW)
    with pytest.raises(InvalidValue):
        fleet.directory.create_user(replace(CERTIFIED, **changes), NOW)


def test_a_login_reads_the_list_where_the_user_needs_it(fleet: Fleet) -> None:
    fleet.directory.create_hub(HUB, NOW)
    fleet.directory.create_user(ALICE, NOW)
    fleet.directory.create_user(SIGNED, NOW)
    lookups = Lookups(fleet.directory, fleet.rules)
    assert lookups.keep("corp", "dora", lookups.read("corp", "dora")).trust == NO_TRUST
    made = fleet.rules.add_authority("corp", CA, NOW)
    before = lookups.last("corp", "dora")
    found = lookups.read("corp", "dora")
    assert found.trust == Trust((made,))
    assert before is not None
    assert before.state != found.state  # a login judged by the former is judged anew
    assert lookups.read("corp", "alice").trust == NO_TRUST


def test_a_hub_s_list_is_read_when_it_has_changed_and_kept_once(
    fleet: Fleet, raw: redis.Redis
) -> None:
    fleet.directory.create_hub(HUB, NOW)
    for user in (SIGNED, CERTIFIED):
        fleet.directory.create_user(user, NOW)
    fleet.rules.add_authority("corp", CA, NOW)
    lookups = Lookups(fleet.directory, fleet.rules)
    first = lookups.read("corp", "dora").trust
    fleet.directory.create_user(ALICE, NOW)  # changes the directory, and not whom it believes
    assert lookups.read("corp", "carl").trust is lookups.read("corp", "dora").trust is first
    revoked = fleet.rules.add_revocation("corp", STOLEN, NOW)
    assert lookups.read("corp", "dora").trust.revocations == (revoked,)
    # Another server may have lost changes, and numbers them anew.
    last = lookups.read("corp", "dora").trust
    raw.hset(fleet.store.keys.meta(), "run", "another")
    assert lookups.read("corp", "dora").trust is not last
