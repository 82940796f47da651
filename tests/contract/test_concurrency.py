"""Many at once: limits admit exactly their number, the first writer wins, no change is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest

from coordinator.errors import Conflict, NoRoom
from coordinator.fleet import Fleet, join
from coordinator.model import FleetCertificate, SessionRecord
from coordinator.redis_store import RedisStore
from tests.conftest import FLEET_KEY
from tests.contract.values import ALICE, HUB, LATER, NOW, furnish, machine, open_session

T = TypeVar("T")


def all_at_once(job: Callable[[int], T], times: int = 40) -> list[T]:
    """Run `job` with 0, 1, … on sixteen threads."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(job, range(times)))


@pytest.mark.parametrize(("max_sessions", "max_logins"), [(7, 0), (0, 7), (9, 7), (7, 9)], ids=repr)
def test_exactly_the_limit_is_admitted(fleet: Fleet, max_sessions: int, max_logins: int) -> None:
    furnish(fleet, replace(HUB, max_sessions=max_sessions))

    def login(number: int) -> SessionRecord | None:
        try:
            policy = {"MultiLogins": max_logins}
            return open_session(fleet, policy=policy, unique_id=machine(number + 1))
        except NoRoom:
            return None

    admitted = [record for record in all_at_once(login) if record]
    assert len(admitted) == fleet.sessions.count("corp") == 7
    assert {record.name for record in admitted} == {f"SID-ALICE-{n}" for n in range(1, 8)}


def test_limits_hold_while_sessions_come_and_go(fleet: Fleet) -> None:
    furnish(fleet, replace(HUB, max_sessions=4))

    def come_and_go(_: int) -> int:
        try:
            record = open_session(fleet)
        except NoRoom:
            return 0
        taken = fleet.sessions.count("corp")
        fleet.sessions.close(record)
        return taken

    assert max(all_at_once(come_and_go, 120)) <= 4
    assert fleet.sessions.count("corp") == 0


def test_of_many_adopters_one_has_the_session(fleet: Fleet) -> None:
    furnish(fleet)
    record = open_session(fleet)
    adopted = all_at_once(lambda n: fleet.sessions.adopt(record, f"node-{n}", LATER), 20)
    assert sorted(a.epoch for a in adopted if a) == list(range(2, 22))
    holders = [a for a in adopted if a and fleet.sessions.close(a)]
    assert [a.epoch for a in holders] == [21]


def test_a_fleet_and_its_certificate_are_made_once(store: RedisStore) -> None:
    fleets = all_at_once(lambda _: join(store, FLEET_KEY, NOW), 16)
    assert len({fleet.cluster for fleet in fleets}) == 1
    kept = all_at_once(
        lambda n: fleets[n].certificates.get_or_create(FleetCertificate(f"c{n}", f"k{n}"), NOW), 16
    )
    assert len({(c.cert_pem, c.key_pem) for c in kept}) == 1
    assert kept[0].cert_pem[1:] == kept[0].key_pem[1:]


def test_no_change_is_lost(fleet: Fleet) -> None:
    furnish(fleet)

    def append(number: int) -> None:
        while True:
            user = fleet.directory.user("corp", "alice")
            try:
                fleet.directory.set_user(replace(user, note=f"{user.note} {number}"), LATER)
            except Conflict:
                continue
            return

    all_at_once(append, 24)
    note = fleet.directory.user("corp", ALICE.name).note
    assert sorted(map(int, note.split())) == list(range(24))
