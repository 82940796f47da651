"""Named administrators and tokens: one set of names, found by name or by token, gone at once."""

from dataclasses import replace

import pytest

from coordinator import administrators as module
from coordinator.administrators import Administrator
from coordinator.errors import AlreadyExists, InvalidValue, NotFound, SealBroken
from coordinator.fleet import Fleet
from coordinator.model import Hub, Role
from tests.contract.values import LATER, NOW

SECRET = bytes(range(20))
ALICE = Administrator("alice", Role.FLEET_ADMIN, secret=SECRET, credential="1")
BOT = replace(ALICE, name="bot", role=Role.READ_ONLY, token_hash="ab" * 32, expires=LATER)


def test_what_is_stored_is_found_by_name_and_by_token(fleet: Fleet) -> None:
    held = fleet.administrators
    made = held.add(ALICE, NOW)
    assert held.find("alice") == made == replace(ALICE, created=NOW, changed=NOW)
    bot = held.add(BOT, NOW)
    assert held.by_token_hash("ab" * 32) == bot
    assert held.by_token_hash("cd" * 32) is None
    assert held.all() == [replace(made, secret=None), replace(bot, secret=None)]
    for name in ("bob", "", "Alice", "administrator", "a:b", "x" * 65, "\ud800"):
        assert held.find(name) is None


def test_a_name_is_one_s_own_whatever_he_is(fleet: Fleet) -> None:
    held = fleet.administrators
    held.add(ALICE, NOW)
    with pytest.raises(AlreadyExists, match="token"):
        held.add(replace(BOT, name="alice"), NOW)
    with pytest.raises(NotFound, match="token"):
        held.remove("alice", is_token=True)
    held.remove("alice", is_token=False)
    with pytest.raises(NotFound, match="administrator"):
        held.remove("alice", is_token=False)
    for name in ("administrator", "Alice", "a b", "@a", ""):
        with pytest.raises(InvalidValue):
            held.add(replace(ALICE, name=name), NOW)


def test_a_token_is_gone_from_both_its_places(fleet: Fleet, raw) -> None:
    fleet.administrators.add(BOT, NOW)
    fleet.administrators.remove("bot", is_token=True)
    assert fleet.administrators.by_token_hash("ab" * 32) is None
    assert [key for key, _ in fleet.store.scan() if "admin" in key] == []


def test_a_token_copied_to_another_name_opens_nothing(fleet: Fleet, raw) -> None:
    fleet.administrators.add(BOT, NOW)
    fleet.administrators.add(ALICE, NOW)
    keys = fleet.store.keys
    raw.hset(keys.admin_tokens(), "ab" * 32, "alice")
    assert fleet.administrators.by_token_hash("ab" * 32) is None
    raw.hset(keys.administrator("alice"), "secret", raw.hget(keys.administrator("bot"), "secret"))
    with pytest.raises(SealBroken):
        fleet.administrators.find("alice")


def test_a_password_is_another_credential_and_tokens_have_none(fleet: Fleet) -> None:
    held = fleet.administrators
    held.add(ALICE, NOW)
    held.set_password("alice", b"x" * 20, "2", LATER)
    found = held.find("alice")
    assert found is not None
    assert (found.secret, found.credential, found.changed) == (b"x" * 20, "2", LATER)
    held.add(BOT, NOW)
    for name in ("bot", "nobody"):
        with pytest.raises(NotFound):
            held.set_password(name, SECRET, "3", NOW)


def test_a_hub_must_be_there_and_so_many_may_be(fleet: Fleet, monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_ADMINISTRATORS", 2)
    held = fleet.administrators
    with pytest.raises(NotFound, match="hub"):
        held.add(replace(ALICE, hub="LAB"), NOW)
    fleet.directory.create_hub(Hub("LAB"), NOW)
    held.add(replace(ALICE, hub="LAB", hub_created=NOW), NOW)
    held.add(BOT, NOW)
    with pytest.raises(InvalidValue, match="2 administrators"):
        held.add(replace(ALICE, name="carol"), NOW)
