"""The invariant checker: it finds what is wrong, and nothing in what is right.

First in made-up samples. Then in those of a real fleet whose owner is cut off from the store: with
a sound gate, and with one that was made to close too late.

  store      host-a        host-b      near           far
  Valkey     the owner,    takes LAB   ann, on LAB    bob, on LAB
             cut off       over        at host-a      at host-b
────┴───────────┴─────────────┴──────────┴──────────────┴────  bridge
"""

import time
from pathlib import Path

import pytest

from coordinator.history import Event
from coordinator.times import Timestamp
from scripts.fault_table.invariants import Verdict, find_openings, judge, read_samples
from scripts.fault_table.soak import FAULTS, judge_fleet, make_plan
from tests.stock.crowd import PASSWORD, Crowd
from tests.stock.fleet import Fleet
from tests.stock.needs import missing
from tests.stock.waiting import until

NOW = Timestamp("2026-01-31T12:00:00.000Z")
LATE_S = 20.0  # the broken gate; longer than all of the run


def lines(node: str, *rows: tuple[float, str, int, float]) -> list[str]:
    """Samples as a node writes them: when, hub ("" for none), epoch, deadline."""
    found: list[str] = []
    for at, hub, epoch, deadline in rows:
        found.append(f"{at:.6f} {node} - 0 0\n")
        if hub:
            found.append(f"{at:.6f} {node} {hub} {epoch} {deadline:.6f}\n")
    return found


def history(*events: tuple[str, str, str, int]) -> list[Event]:
    """What happened: what, node, hub, epoch."""
    return [
        Event(str(number), NOW, what, "why", node=node, hub=hub, epoch=epoch)
        for number, (what, node, hub, epoch) in enumerate(events)
    ]


GRANTS = history(
    ("register", "a", "", 1),
    ("register", "b", "", 2),
    ("grant", "a", "lab", 3),
    ("active", "a", "lab", 3),
    ("grant", "b", "lab", 4),
    ("active", "b", "lab", 4),
)
FIRST = lines("a", (1.0, "lab", 3, 4.5), (1.005, "lab", 3, 4.5), (1.010, "lab", 3, 4.5))


# -- made-up samples ------------------------------------------------------------------------------


def test_owners_one_after_the_other_are_sound() -> None:
    second = lines("b", (4.6, "lab", 4, 8.0), (4.605, "lab", 4, 8.0))
    verdict = judge({"1": FIRST, "2": second}, GRANTS)
    assert verdict == Verdict(rounds=5, openings=2, violations=())


def test_two_gates_open_at_once_are_found() -> None:
    second = lines("b", (1.007, "lab", 4, 5.0))
    verdict = judge({"1": FIRST, "2": second}, GRANTS)
    (found,) = verdict.violations
    assert found.startswith("two open gates for lab: a (process 1) under epoch 3")


def test_an_opening_inside_a_longer_one_does_not_hide_the_next() -> None:
    rows = [(float(at), "lab", 3, 20.0) for at in range(1, 10)]
    others = {"2": lines("b", (2.5, "lab", 4, 5.0)), "3": lines("b", (7.5, "lab", 4, 8.0))}
    assert len(judge({"1": lines("a", *rows), **others}, GRANTS).violations) == 2


def test_a_node_that_was_frozen_was_open_until_its_deadline() -> None:
    """Its samples have a hole; whoever takes the hub within the deadline is a second owner."""
    frozen = lines("a", (1.0, "lab", 3, 4.5), (30.0, "lab", 3, 4.5))
    for at, count in ((4.4, 1), (4.6, 0)):
        other = lines("b", (at, "lab", 4, at + 3))
        assert len(judge({"1": frozen, "2": other}, GRANTS).violations) == count


def test_a_process_that_was_killed_was_open_until_its_last_word() -> None:
    (opening,) = find_openings("1", read_samples(FIRST))
    assert (opening.since, opening.until) == (1.0, 1.010)


def test_a_gate_past_its_deadline_is_shut() -> None:
    assert not list(find_openings("1", read_samples(lines("a", (5.0, "lab", 3, 4.5)))))


def test_a_line_cut_by_a_kill_is_left_out() -> None:
    assert len(list(read_samples([*FIRST, "1.015000 a lab 3 4.5"]))) == len(FIRST)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([("grant", "a", "lab", 3), ("grant", "b", "lab", 3)], id="grant-repeated"),
        pytest.param([("grant", "a", "lab", 3), ("grant", "b", "pub", 2)], id="grant-lowered"),
        pytest.param([("leader", "a", "", 3), ("register", "b", "", 3)], id="shared"),
        pytest.param([("grant", "a", "lab", 3), ("active", "b", "lab", 2)], id="old-taken-up"),
    ],
)
def test_epochs_repeated_or_lowered_are_found(events: list[tuple[str, str, str, int]]) -> None:
    assert len(judge({}, history(*events)).violations) == 1


def test_a_gate_open_under_an_epoch_of_another_is_found() -> None:
    stale = lines("a", (9.0, "lab", 4, 12.0))
    (found,) = judge({"1": stale}, GRANTS).violations
    assert found.endswith("which is b's")


def test_a_plan_depends_on_its_seed_alone() -> None:
    plan = make_plan(7, 600)
    assert plan == make_plan(7, 600)
    assert plan != make_plan(8, 600)
    assert {strike.fault for strike in plan} == set(FAULTS)


# -- a real fleet ---------------------------------------------------------------------------------


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize("late_s", [0.0, LATE_S], ids=["sound", "broken"])
def test_an_owner_cut_off(late_s: float, tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    env = {
        "ETHERFLEET_GATE_SAMPLES": str(samples / "gates"),
        "ETHERFLEET_GATE_SHIFT_S": str(late_s),
    }
    with Fleet("near", "far", workers=1, hosts=("host-a", "host-b"), env=env) as fleet:
        fleet.create_hub("LAB", ann=PASSWORD, bob=PASSWORD)
        owner, heir = fleet.hosts.values()
        with Crowd(fleet["near"], [owner.ip], {"ann": "LAB"}) as ann:
            until(lambda: ann.logins() == 1, "ann to join", 20, ann.log)
            fleet.move("LAB", owner.name)
            until(
                lambda: len(served(fleet, owner.name)) == 1, "ann to be at the owner", 20, ann.log
            )
            fleet.cut(owner.name)
            with Crowd(fleet["far"], [heir.ip], {"bob": "LAB"}) as bob:
                until(lambda: bob.logins() == 1, "bob to join at the heir", 30, bob.log)
                assert fleet.owner("LAB") == heir.name
                time.sleep(0.5)  # both are sampled a hundred times
        fleet.join(owner.name)
        for host in fleet.hosts.values():
            host.stop()
        verdict = judge_fleet(fleet, samples)
    assert {path.suffix for path in samples.iterdir()}  # they were written at all
    assert verdict.rounds > 100
    assert verdict.openings >= 2
    wrong = [found for found in verdict.violations if found.startswith("two open gates for lab")]
    assert bool(wrong) == bool(late_s), verdict
    assert len(wrong) == len(verdict.violations), verdict


def served(fleet: Fleet, node: str) -> list[str]:
    """Return the sessions on LAB that a node carries."""
    return [name for name, its in fleet.sessions("LAB").items() if its == node]
