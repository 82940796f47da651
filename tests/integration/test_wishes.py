"""What clients ask for instead of a session: the hubs' names, another password.

stranger ── TLS ──► gateway (one process) ── unix socket ──► embedded Valkey
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.model import AuthKind, Hub
from coordinator.times import utc_now
from gateway.client.account import Account
from gateway.errors import Refused
from gateway.node.attempts import USERS, Attempts, account_of
from gateway.node.wishes import NAMES_S, Wishes
from gateway.wire.auth import secure_password, user_password_hash
from gateway.wire.handshake import ClientHandshake
from gateway.wire.pack import Pack, text
from gateway.wire.requests import PasswordChange, encode_password_change, read_hub_names
from tests.hostile.administrator import Administrator
from tests.hostile.gateway import Gateway
from tests.hostile.stranger import Stranger


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="ef-") as home, Gateway(Path(home)) as running:
        yield running
        running.assert_no_fault()


def names(gateway: Gateway) -> tuple[str, ...]:
    with Administrator(gateway.tcp_port) as stranger:
        found = stranger.wish(lambda _: Pack([text("method", "enum_hub")]))
        assert stranger.ended() == "notified"
        assert found.integer("NumHub") == len(read_hub_names(found))
        return read_hub_names(found)


def change(gateway: Gateway, user: str, old: str, new: str, hub: str = "LAB") -> int:
    """Ask for another password; return the code of the answer."""

    def asked(random: bytes) -> Pack:
        proof = secure_password(user_password_hash(old, user), random)
        return encode_password_change(
            PasswordChange(hub, user, proof, user_password_hash(new, user))
        )

    with Administrator(gateway.tcp_port) as stranger:
        return stranger.wish(asked).integer("error")


def can_log_in(gateway: Gateway, user: str, password: str) -> bool:
    with Stranger(gateway.tcp_port) as stranger:
        try:
            stranger.talk(
                ClientHandshake(Account.of("LAB", user, password).login, host="127.0.0.1")
            )
        except Refused:
            return False
    return True


def test_hubs_are_named_to_anybody_but_those_that_forbid_it(gateway):
    """It was refused with 33, whatever the hubs said."""
    gateway.fleet.directory.create_hub(Hub("HIDDEN", no_enum=True), utc_now())
    assert names(gateway) == ("LAB",)


def test_names_are_read_once_in_a_while(fleet):
    now = 100.0
    wishes = Wishes(fleet, Attempts(USERS, fleet.attempts, print), lambda: now)
    fleet.directory.create_hub(Hub("A"), utc_now())
    assert wishes.hub_names() == ("A",)
    fleet.directory.create_hub(Hub("B"), utc_now())
    assert wishes.hub_names() == ("A",)
    now += NAMES_S
    assert wishes.hub_names() == ("A", "B")


def test_whoever_proves_a_password_may_set_another(gateway):
    assert change(gateway, "alice", "wrong", "new-password") == 69
    assert change(gateway, "nobody", "wrong", "new-password") == 69
    assert change(gateway, "alice", "pw-alice", "new-password", hub="NOWHERE") == 8
    assert change(gateway, "alice", "pw-alice", "") == 38
    assert change(gateway, "alice", "pw-alice", "alice") == 38
    assert can_log_in(gateway, "alice", "pw-alice")
    assert change(gateway, "ALICE", "pw-alice", "new-password") == 0
    assert can_log_in(gateway, "alice", "new-password")
    assert not can_log_in(gateway, "alice", "pw-alice")
    (noted,) = gateway.fleet.audit.latest(1)
    assert (noted.actor.kind, noted.actor.name) == ("client", "alice@LAB")
    assert (noted.what, noted.after) == ("user set", {"secret": "(hidden)"})


def test_a_policy_and_an_option_forbid_it(gateway):
    user = gateway.fleet.directory.user("LAB", "bob")
    assert user is not None
    fixed = gateway.fleet.directory.set_user(replace(user, policy={"FixPassword": 1}), utc_now())
    assert change(gateway, "bob", "pw-bob", "new-password") == 52
    assert change(gateway, "bob", "wrong", "new-password") == 69
    open_to_all = replace(fixed, auth=AuthKind.ANONYMOUS, secret=None, policy={})
    made = gateway.fleet.directory.set_user(open_to_all, utc_now())
    assert change(gateway, "bob", "", "new-password") == 68
    by_certificate = replace(made, auth=AuthKind.SIGNED)
    gateway.fleet.directory.set_user(by_certificate, utc_now())
    assert change(gateway, "bob", "", "new-password") == 68
    denied = {"deny_change_user_password": 1}
    gateway.fleet.administration.set_hub("LAB", utc_now(), options=denied)
    assert change(gateway, "mallory", "pw-mallory", "new-password") == 52
    assert can_log_in(gateway, "mallory", "pw-mallory")


def test_whoever_guesses_here_is_slowed_as_at_logins(fleet):
    attempts = Attempts(USERS, fleet.attempts, lambda what, why: None)
    wishes = Wishes(fleet, attempts)
    fleet.directory.create_hub(Hub("LAB"), utc_now())
    guess = PasswordChange("LAB", "alice", bytes(20), bytes(20))

    def reason() -> str:
        with pytest.raises(Refused) as refused:
            wishes.change_password(guess, bytes(20), "192.0.2.1:50000")
        return refused.value.reason

    free = USERS.of_account.free
    assert [reason() for _ in range(free)] == ["auth-failed"] * free
    assert reason() == USERS.reason
    with pytest.raises(Refused):
        attempts.check("192.0.2.1", account_of("lab", "ALICE"))
    attempts.check("192.0.2.2", account_of("lab", "alice"))
