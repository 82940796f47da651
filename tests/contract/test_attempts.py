"""Wrong passwords are counted in one step, forgotten by themselves, and never without bound."""

from coordinator import attempts as module
from coordinator.attempts import DEARER, Allowance, Door, Spent
from coordinator.fleet import Fleet

# So slow that no test takes as long as one of them.
SOURCE = Allowance(3, 1_000_000)
ACCOUNT = Allowance(4, 1_000_000)
A_WHILE = 100_000  # ms; what a slow machine may take away


def wrong(fleet: Fleet, source: str, account: str, door: Door = Door.USERS) -> Spent:
    return fleet.attempts.wrong(door, source, account, SOURCE, ACCOUNT)


def look(fleet: Fleet, source: str, account: str, door: Door = Door.USERS) -> Spent:
    return fleet.attempts.look(door, source, account, SOURCE, ACCOUNT)


def count(ms: int) -> int:
    """Return how many wrong ones that long is the price of."""
    return (ms + A_WHILE) // SOURCE.every_ms


def test_a_wrong_one_counts_for_its_source_and_its_account(fleet: Fleet) -> None:
    seen = [wrong(fleet, "192.0.2.1", "lab/alice") for _ in range(4)]
    assert [count(s.source_ms) for s in seen] == [1, 2, 3, 4]
    assert [s.source_crossed for s in seen] == [False, False, True, False]
    assert [s.account_crossed for s in seen] == [False, False, False, True]
    other = look(fleet, "192.0.2.2", "lab/alice")
    assert (other.source_ms, count(other.account_ms)) == (0, 4)
    assert look(fleet, "192.0.2.2", "lab/bob") == Spent(0, 0)
    assert look(fleet, "192.0.2.1", "lab/alice", Door.ADMINISTRATORS) == Spent(0, 0)


def test_at_an_account_under_attack_a_wrong_one_is_dearer(fleet: Fleet) -> None:
    for number in range(ACCOUNT.free):
        wrong(fleet, f"192.0.2.{number}", "lab/alice")
    assert count(wrong(fleet, "198.51.100.1", "lab/alice").source_ms) == DEARER
    assert count(wrong(fleet, "198.51.100.1", "lab/bob").source_ms) == DEARER + 1
    # And there is an end to it, for both.
    for _ in range(50):
        spent = wrong(fleet, "198.51.100.1", "lab/alice")
    assert spent.source_ms <= SOURCE.most_ms
    assert spent.account_ms <= ACCOUNT.most_ms


def test_looking_counts_nothing(fleet: Fleet, raw) -> None:
    look(fleet, "192.0.2.1", "lab/alice")
    assert raw.exists(fleet.store.keys.attempts()) == 0


def test_what_has_passed_is_removed_by_whichever_comes_next(fleet: Fleet, raw) -> None:
    brief = Allowance(1, 1)
    key = fleet.store.keys.attempts()
    for number in range(20):
        fleet.attempts.wrong(Door.USERS, f"192.0.2.{number}", f"lab/{number}", brief, brief)
    while raw.time()[0] * 1000 < max(score for _, score in raw.zrange(key, 0, -1, withscores=True)):
        pass  # a millisecond or two; the next second at the latest
    wrong(fleet, "198.51.100.1", "lab/alice")
    assert raw.zcard(key) == 2


def test_names_made_up_push_out_each_other_and_not_whom_they_hide(
    fleet: Fleet, raw, monkeypatch
) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 50)
    for _ in range(5):
        wrong(fleet, "192.0.2.1", "lab/alice")
    for number in range(200):
        wrong(fleet, f"198.51.100.{number}", f"lab/\ud800{number}" + "x" * 1000)
    assert raw.zcard(fleet.store.keys.attempts()) == 50
    spent = look(fleet, "192.0.2.1", "lab/alice")
    assert (count(spent.source_ms) >= 5, count(spent.account_ms)) == (True, 5)
    assert raw.memory_usage(fleet.store.keys.attempts()) < 20_000


def test_a_clock_set_back_slows_nobody_for_long(fleet: Fleet, raw) -> None:
    wrong(fleet, "192.0.2.1", "lab/alice")
    key = fleet.store.keys.attempts()
    for member in raw.zrange(key, 0, -1):
        raw.zincrby(key, 10 * SOURCE.most_ms, member)
    assert look(fleet, "192.0.2.1", "lab/alice") == Spent(0, 0)
    assert count(wrong(fleet, "192.0.2.1", "lab/alice").source_ms) == 1
