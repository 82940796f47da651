"""Cascades of a gateway in a process of its own, to hubs of its own.

alice ──TLS──► hub LAB ═══ cascade ═══► hub FAR ◄──TLS── bob        (one gateway)
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.cascade import Cascade, CascadeState, CascadeTrust
from coordinator.model import Hub, HubKind, User
from coordinator.times import utc_now
from gateway.admin import cascades
from gateway.admin.cascades import CascadeReport, troubles
from gateway.wire.auth import user_password_hash
from gateway.wire.codes import ErrorCode
from tests.hostile.gateway import Gateway
from tests.hostile.site import Site
from tests.hostile.stranger import ALICE, ANYBODY, BOB, MALLORY, Stranger, frame
from tests.stock.waiting import until


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as home,
        Gateway(Path(home)) as running,
    ):
        running.fleet.directory.create_hub(Hub("FAR"), utc_now())
        secret = user_password_hash("pw-bob", "bob")
        running.fleet.directory.create_user(User("FAR", "bob", secret=secret), utc_now())
        for hub in ("FAR", "LAB"):
            secret = user_password_hash("pw-lab", "lab")
            running.fleet.directory.create_user(User(hub, "lab", secret=secret), utc_now())
        yield running
        running.assert_no_fault()


@pytest.fixture
def cascade(gateway: Gateway) -> Iterator[Cascade]:
    """LAB's cascade to FAR, offline; gone afterwards."""
    made = gateway.fleet.cascades.create(
        Cascade(
            *("LAB", "up", "127.0.0.1", gateway.tcp_port, "FAR", "lab"),
            online=False,
            secret=user_password_hash("pw-lab", "lab"),
            max_connection=2,
        ),
        utc_now(),
    )
    yield made
    gateway.fleet.cascades.delete("LAB", "up")


def set_online(gateway: Gateway, cascade: Cascade, **changes: object) -> Cascade:
    wanted = replace(cascade, **{"online": True, **changes})  # type: ignore[arg-type]  # fields by name
    return gateway.fleet.cascades.set(wanted, utc_now())


def wait_for(
    gateway: Gateway, state: CascadeState, *, why: str = "", name: str = "up", hub: str = "LAB"
) -> CascadeReport:
    seen = lambda: cascades.report(gateway.fleet, hub, name)  # noqa: E731  # short
    return until(
        lambda: (found := seen()).state is state and why in found.why and found,
        f"{state} {why}",
        20,
        lambda: (seen(), gateway.text()[-3000:]),
    )


def test_frames_pass_both_ways_by_the_run(gateway, cascade):
    set_online(gateway, cascade)
    report = wait_for(gateway, CascadeState.CONNECTED)
    status = report.status
    assert status is not None
    assert status.server == f"127.0.0.1:{gateway.tcp_port}"
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice")
        bob.login("bob", hub="FAR")
        hello = frame(ANYBODY, ALICE, b"hello")
        alice.send_frames(hello)
        assert bob.receive_frames(1) == [hello]
        answers = [frame(ALICE, BOB, bytes([n])) for n in range(50)]
        bob.send_frames(*answers)
        assert alice.receive_frames(50) == answers
        there = gateway.fleet.sessions.get("FAR", status.session)
        assert (there.user, there.bridge, there.max_connection) == ("lab", True, 2)
        assert "Cascade" in there.client_name
        counted = until(
            lambda: (
                (s := cascades.report(gateway.fleet, "LAB", "up").status)
                and s.traffic.received_unicast_frames == 50
                and s
            ),
            "its traffic to be told",
            15,
        )
        assert counted.traffic.sent_broadcast_frames == 1
        assert counted.connections == 2


def test_its_policy_holds_for_its_port(gateway, cascade):
    set_online(gateway, cascade, policy={"MaxMac": 1, "NoServer": 1})
    wait_for(gateway, CascadeState.CONNECTED)
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice")
        bob.login("bob", hub="FAR")
        first, second, last = (
            frame(ANYBODY, BOB, b"one"),
            frame(ANYBODY, MALLORY, b"another station"),
            frame(ANYBODY, BOB, b"two"),
        )
        bob.send_frames(first, second, last)
        assert alice.receive_frames(2) == [first, last]


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"secret": bytes(20)}, ErrorCode.AUTH_FAILED, "auth failed"),
        ({"target_hub": "NOWHERE"}, ErrorCode.HUB_NOT_FOUND, "hub not found"),
        ({"tcp_port": 1}, ErrorCode.CONNECT_FAILED, "Connection refused"),
        (
            {"trust": CascadeTrust.PIN, "pin": "ab" * 32},
            ErrorCode.CERTIFICATE_NOT_TRUSTED,
            "pinned is abab",
        ),
        (
            {"trust": CascadeTrust.AUTHORITIES},
            ErrorCode.CERTIFICATE_NOT_TRUSTED,
            "CERTIFICATE_VERIFY_FAILED",
        ),
    ],
)
def test_what_does_not_work_is_said_in_one_line_and_tried_again_later(
    gateway, cascade, changes, error, why
):
    set_online(gateway, cascade, **changes)
    report = wait_for(gateway, CascadeState.RETRYING, why=why)
    status = report.status
    assert status is not None
    assert (status.error, status.session) == (error, "")
    assert status.next_try
    assert "\n" not in report.why
    assert next(troubles(gateway.fleet)) == f"cascade up of hub LAB: {report.why}"


def test_what_is_mended_stands_at_once(gateway, cascade):
    made = set_online(gateway, cascade, secret=bytes(20))
    wait_for(gateway, CascadeState.RETRYING)
    gateway.fleet.cascades.set(replace(made, secret=cascade.secret), utc_now())
    wait_for(gateway, CascadeState.CONNECTED)


def test_an_offline_cascade_leaves_at_once(gateway, cascade):
    made = set_online(gateway, cascade)
    wait_for(gateway, CascadeState.CONNECTED)
    before = gateway.text().count("cascade stopped")
    gateway.fleet.cascades.set(replace(made, online=False), utc_now())
    wait_for(gateway, CascadeState.OFFLINE)
    until(lambda: gateway.text().count("cascade stopped") > before, "it to stop", 20)


def test_a_hub_that_joins_itself_is_cut_at_once_and_told_so(gateway, cascade):
    set_online(gateway, cascade, target_hub="LAB")
    report = wait_for(gateway, CascadeState.LOOPED, why="come back to hub LAB")
    assert report.status is not None
    assert report.status.session.startswith("SID-LAB-")
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice")
        bob.login("mallory")
        hello = frame(ANYBODY, ALICE, b"hello")
        alice.send_frames(hello)
        assert bob.receive_frames(1) == [hello]
        answer = frame(ALICE, BOB, b"once")
        bob.send_frames(answer)
        assert alice.receive_frames(1) == [answer], "its own broadcast has not come back"


def test_of_two_hubs_that_join_each_other_one_gives_way_and_opens_when_the_other_is_gone(
    gateway, cascade
):
    back = gateway.fleet.cascades.create(
        Cascade(
            *("FAR", "back", "127.0.0.1", gateway.tcp_port, "LAB", "lab"),
            secret=user_password_hash("pw-lab", "lab"),
        ),
        utc_now(),
    )
    states = lambda: {  # noqa: E731  # short
        cascades.report(gateway.fleet, *where).state for where in (("LAB", "up"), ("FAR", "back"))
    }
    try:
        wait_for(gateway, CascadeState.CONNECTED, hub="FAR", name="back")
        set_online(gateway, cascade)
        cut = {CascadeState.LOOPED, CascadeState.CONNECTED}
        until(lambda: states() == cut, "one of them to be cut", 20, gateway.text)
        report = cascades.report(gateway.fleet, "LAB", "up")
        if report.state is CascadeState.CONNECTED:
            gateway.fleet.cascades.set(replace(report.cascade, online=False), utc_now())
            wait_for(gateway, CascadeState.CONNECTED, hub="FAR", name="back")
        else:
            gateway.fleet.cascades.set(replace(back, online=False), utc_now())
            wait_for(gateway, CascadeState.CONNECTED)
    finally:
        gateway.fleet.cascades.delete("FAR", "back")


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("circle", "redirected more than 10 times"),
        ("nonsense", "no hello"),
        ("eviction", "session ended"),
        ("head", "more than 128 header lines"),
        ("garbage", "session ended: connection lost ("),
    ],
)
def test_a_hostile_site_costs_its_own_cascade_only(gateway, cascade, manner, why):
    good = gateway.fleet.cascades.create(
        replace(cascade, name="good", online=True, version=0), utc_now()
    )
    try:
        wait_for(gateway, CascadeState.CONNECTED, name="good")
        with Site(manner) as site:
            set_online(gateway, cascade, tcp_port=site.tcp_port)
            report = wait_for(gateway, CascadeState.RETRYING, why=why)
            status = report.status
            assert status is not None
            # One login, then a pause; of a circle, the first visit and ten redirections. The next
            # attempt may have begun since the status was told.
            assert site.visits <= 11 * (status.attempts + 1)
        with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
            alice.login("alice")
            bob.login("bob", hub="FAR")
            hello = frame(ANYBODY, ALICE, manner.encode())
            alice.send_frames(hello)
            assert bob.receive_frames(1) == [hello]
        still = wait_for(gateway, CascadeState.CONNECTED, name="good")
        assert still.status is not None
        assert still.status.logins == 1
    finally:
        gateway.fleet.cascades.delete("LAB", good.name)


def test_a_site_that_babbles_is_heard_at_the_rate_of_one_port(gateway, cascade):
    good = gateway.fleet.cascades.create(
        replace(cascade, name="good", online=True, version=0), utc_now()
    )
    try:
        wait_for(gateway, CascadeState.CONNECTED, name="good")
        with Site("babble") as site:
            set_online(gateway, cascade, tcp_port=site.tcp_port)
            wait_for(gateway, CascadeState.CONNECTED)
            with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
                alice.login("alice")
                bob.login("bob", hub="FAR")
                hello = frame(ANYBODY, ALICE, b"through the noise")
                heard: list[bytes] = []
                while hello not in heard:  # a frame may be lost in such noise
                    alice.send_frames(hello)
                    heard += bob.receive_frames(1)
            set_online(gateway, cascades.find(gateway.fleet, "LAB", "up"), online=False)
        until(
            lambda: gateway.fleet.traffic.hub("LAB").drops.get("broadcast-storm", 0),
            "the drops to be told",
            15,
        )
    finally:
        gateway.fleet.cascades.delete("LAB", good.name)


def test_a_static_hub_cascades_by_one_owner_and_its_sessions_need_none(gateway, cascade):
    fleet = gateway.fleet
    fleet.directory.create_hub(Hub("LAN", kind=HubKind.STATIC), utc_now())
    secret = user_password_hash("pw-alice", "alice")
    fleet.directory.create_user(User("LAN", "alice", secret=secret), utc_now())
    with Stranger(gateway.tcp_port) as alice, Stranger(gateway.tcp_port) as bob:
        alice.login("alice", hub="LAN")
        up = replace(cascade, hub="LAN", online=True, version=0)
        made = fleet.cascades.create(up, utc_now())
        report = wait_for(gateway, CascadeState.CONNECTED, hub="LAN")
        assert report.node == "node-1"
        bob.login("bob", hub="FAR")
        hello = frame(ANYBODY, BOB, b"to the LAN")
        bob.send_frames(hello)
        assert alice.receive_frames(1) == [hello]
        fleet.cascades.set(replace(made, online=False), utc_now())
        again = fleet.cascades.get("LAN", "up")
        wait_for(gateway, CascadeState.OFFLINE, hub="LAN")
        assert again is not None
        fleet.cascades.set(replace(again, online=True), utc_now())
        wait_for(gateway, CascadeState.CONNECTED, hub="LAN")
        answer = frame(BOB, ALICE, b"still here")
        alice.send_frames(answer)
        assert bob.receive_frames(1) == [answer]
    fleet.directory.delete_hub("LAN")
