"""Traffic totals: added to, never set, and only for what still exists."""

from dataclasses import replace

from coordinator.fleet import Fleet
from coordinator.model import Totals, Traffic
from tests.contract.values import ALICE, NOW, furnish, open_session

MOVED = Traffic(1, 100, 2, 200, 3, 300, 4, 400)


def test_counters_add_up_by_hub_user_and_reason(fleet: Fleet) -> None:
    furnish(fleet)
    fleet.directory.create_user(replace(ALICE, name="Bob"), NOW)
    for _ in range(2):
        fleet.traffic.add(
            {"Corp": MOVED + MOVED},
            {("Corp", "Alice"): MOVED, ("CORP", "BOB"): MOVED},
            {"corp": {"storm": 3, "queue-full": 1}},
        )
    assert fleet.traffic.hub("CORP").traffic == MOVED + MOVED + MOVED + MOVED
    assert fleet.traffic.hub("corp").drops == {"queue-full": 2, "storm": 6}
    assert fleet.traffic.user("corp", "alice") == Totals(MOVED + MOVED)
    assert fleet.traffic.user("corp", "bob") == Totals(MOVED + MOVED)


def test_hub_under_two_spellings_is_one(fleet: Fleet) -> None:
    furnish(fleet)
    fleet.traffic.add({"Corp": MOVED}, {}, {"corp": {"storm": 3}})
    assert fleet.traffic.hub("corp") == Totals(MOVED, {"storm": 3})


def test_logins_are_counted(fleet: Fleet) -> None:
    furnish(fleet)
    open_session(fleet)
    open_session(fleet)
    for totals in (fleet.traffic.hub("corp"), fleet.traffic.user("corp", "alice")):
        assert totals == Totals(logins=2, last_login=NOW)


def test_what_was_deleted_is_not_counted(fleet: Fleet) -> None:
    furnish(fleet)
    fleet.directory.delete_hub("corp")
    fleet.traffic.add({"Corp": MOVED}, {("Corp", "Alice"): MOVED}, {"Corp": {"storm": 1}})
    assert fleet.traffic.hub("corp") == Totals()
    assert fleet.traffic.user("corp", "alice") == Totals()
    assert not any("traffic" in key for key, _ in fleet.store.scan())


def test_nothing_moved_is_nothing_written(fleet: Fleet) -> None:
    furnish(fleet)
    fleet.traffic.add({"Corp": Traffic()}, {("Corp", "Alice"): Traffic()})
    assert not any("traffic" in key for key, _ in fleet.store.scan())
