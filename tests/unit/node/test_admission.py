"""Who is let in, as whom, and on which terms."""

import pytest

from coordinator.model import AuthKind, Hub, User
from coordinator.times import Timestamp
from gateway.errors import Refused
from gateway.node.admission import (
    check_hub,
    check_user,
    read_policy_settings,
    settle,
    write_policy_settings,
)
from gateway.wire.auth import secure_password, user_password_hash
from gateway.wire.codes import ErrorCode
from gateway.wire.login import (
    Anonymous,
    CertificateProof,
    Login,
    PlainPassword,
    SecurePassword,
    TicketProof,
)
from gateway.wire.policy import Policy

NOW = Timestamp("2026-01-31T12:00:00.000Z")
RANDOM = bytes(range(20))
HASH = user_password_hash("secret", "alice")
ALICE = User("LAB", "alice", secret=HASH)
PROOF = SecurePassword(secure_password(HASH, RANDOM))
LAB = Hub("LAB")


def login(credential=PROOF, user="alice", **wishes):
    return Login("LAB", user, credential, **wishes)


def check(user, credential=PROOF, name="alice"):
    """Return the code of the refusal, 0 for a user who is let in."""
    try:
        assert check_user(user, login(credential, name), RANDOM, NOW) is user
    except Refused as error:
        return error.code
    return 0


def terms(user=ALICE, **wishes):
    return settle(login(**wishes), LAB, user, node="n1", address="192.0.2.1:5", timeout_ms=20_000)


def with_policy(**policy):
    return User("LAB", "alice", secret=HASH, policy=policy)


# -- hub and user -------------------------------------------------------------------------------


def test_a_hub_must_be_there_and_online():
    assert check_hub(LAB, "lab") is LAB
    with pytest.raises(Refused) as unknown:
        check_hub(None, "LAB")
    with pytest.raises(Refused) as offline:
        check_hub(Hub("LAB", online=False), "LAB")
    assert unknown.value.code == ErrorCode.HUB_NOT_FOUND
    assert offline.value.code == ErrorCode.HUB_STOPPING


@pytest.mark.parametrize("name", ["alice", "ALICE", "Alice"])
def test_a_password_is_proved_by_its_hash_or_by_itself(name):
    assert check(ALICE, PROOF, name) == 0
    assert check(ALICE, PlainPassword("secret"), name) == 0


@pytest.mark.parametrize(
    "credential",
    [
        SecurePassword(bytes(20)),
        SecurePassword(secure_password(HASH, bytes(20))),  # to another hello
        PlainPassword("Secret"),
        PlainPassword(""),
        Anonymous(),
        TicketProof(bytes(20)),
    ],
)
def test_another_proof_is_9(credential):
    assert check(ALICE, credential) == ErrorCode.AUTH_FAILED


def test_nobody_proves_to_be_nobody():
    """Also not by the hash that an unknown user is compared with."""
    for credential in (
        PROOF,
        Anonymous(),
        PlainPassword(""),
        SecurePassword(secure_password(bytes(20), RANDOM)),
    ):
        assert check(None, credential) == ErrorCode.AUTH_FAILED
        assert check(User("LAB", "alice"), credential) == ErrorCode.AUTH_FAILED  # no password yet


def test_an_anonymous_user_is_let_in_whatever_he_shows():
    guest = User("LAB", "guest", auth=AuthKind.ANONYMOUS)
    for credential in (Anonymous(), PROOF, PlainPassword("x"), CertificateProof(b"", b"")):
        assert check(guest, credential, "guest") == 0
    assert check(guest, TicketProof(bytes(20)), "guest") == ErrorCode.AUTH_FAILED


def test_a_certificate_is_no_password():
    for user in (ALICE, None):
        assert check(user, CertificateProof(b"", b"")) == ErrorCode.AUTH_FAILED


def test_no_login_from_the_moment_of_expiry_on():
    assert check(User("LAB", "alice", secret=HASH, expires=NOW)) == ErrorCode.AUTH_FAILED
    later = Timestamp("2026-01-31T12:00:00.001Z")
    assert check(User("LAB", "alice", secret=HASH, expires=later)) == 0


# -- terms ----------------------------------------------------------------------------------------


def test_a_plain_client_gets_what_it_asked_for_and_may_not_bridge():
    session = terms(max_connection=8, use_compress=True)
    assert (session.max_connection, session.use_compress, session.bridge) == (8, True, False)
    policy = read_policy_settings(session.policy)
    assert (policy.no_bridge, policy.no_routing) == (True, True)


@pytest.mark.parametrize("name", ["VPN Server", "VPN Bridge (Cascade Mode)", "x"])
def test_a_bridge_is_told_that_it_may(name):
    session = terms(client_name=name, require_bridge_routing=name == "x")
    assert session.bridge
    policy = read_policy_settings(session.policy)
    assert (policy.no_bridge, policy.no_routing) == (False, False)


@pytest.mark.parametrize(
    ("policy", "wishes", "code"),
    [
        ({"Access": 0}, {}, ErrorCode.ACCESS_DENIED),
        ({}, {"require_monitor": True}, ErrorCode.MONITOR_MODE_DENIED),
        (
            {"NoBridge": 1, "NoRouting": 1},
            {"require_bridge_routing": True},
            ErrorCode.BRIDGE_MODE_DENIED,
        ),
    ],
)
def test_a_mode_the_policy_denies_is_refused(policy, wishes, code):
    with pytest.raises(Refused) as refused:
        terms(with_policy(**policy), **wishes)
    assert refused.value.code == code


def test_a_monitor_is_no_bridge_even_if_it_asks_for_both():
    user = with_policy(MonitorPort=1)
    session = terms(user, require_monitor=True, require_bridge_routing=True)
    assert (session.monitor, session.bridge) == (True, False)


@pytest.mark.parametrize(
    ("asked", "allowed", "half", "agreed"),
    [
        (1, 0, False, 1),
        (8, 0, False, 8),
        (8, 4, False, 4),
        (32, 64, False, 32),
        (0, 0, False, 1),
        (99, 0, False, 32),
        (1, 1, True, 2),
    ],
)
def test_connections_are_as_many_as_both_sides_want(asked, allowed, half, agreed):
    user = with_policy(MaxConnection=allowed)
    assert terms(user, max_connection=asked, half_connection=half).max_connection == agreed


def test_a_policy_is_stored_as_what_differs_from_the_default():
    assert write_policy_settings(read_policy_settings({})) == {}
    stored = {"MaxMac": 5, "NoBroadcastLimiter": 1, "Access": 0}
    assert write_policy_settings(read_policy_settings(stored)) == stored
    assert read_policy_settings({"FromTheFuture": 1}) == Policy(no_bridge=False, no_routing=False)
