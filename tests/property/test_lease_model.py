"""Two owners' valid deadlines never overlap, epochs only grow, and nothing acknowledged is lost.

The promises of `coordinator/__init__.py`, on the fleet of `simulated_fleet`: a minute and more of
its time each, with pauses, crashes, late and lost answers, hand-overs and restarts of the store.
"""

import contextlib
from collections.abc import Iterator

import pytest
import redis

from coordinator.fleet import Fleet, join
from coordinator.redis_store import connect
from tests.conftest import FLEET_KEY, NOW
from tests.property.simulated_fleet import Simulation, broken

EVENTS = 1500


@pytest.fixture
def raw(store_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(store_url, decode_responses=True) as client:
        yield client


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_a_hub_has_one_owner(fleet: Fleet, raw: redis.Redis, seed: int) -> None:
    simulation = Simulation(fleet, raw, seed)
    simulation.run(EVENTS)
    assert simulation.violations == []
    assert simulation.served > EVENTS // 2, "hubs were served, of three a time"
    epochs: dict[str, list[int]] = {}
    for event in fleet.history.after("", 100_000):
        if event.what == "grant":
            epochs.setdefault(event.hub, []).append(event.epoch)
    for granted in epochs.values():
        assert granted == sorted(set(granted))
    every = [epoch for granted in epochs.values() for epoch in granted]
    assert len(every) == len(set(every)) > 10
    kept = {record.key_hash for hub in simulation.hubs for record in fleet.sessions.of_hub(hub)}
    assert kept == set(simulation.acknowledged)


def test_the_checker_finds_a_gate_that_counts_from_the_answer(
    store_url: str, raw: redis.Redis
) -> None:
    """Else the test above would prove nothing. One run in four or so meets the fault."""
    for seed in range(3, 30):
        with contextlib.closing(connect(store_url, f"broken-{seed}")) as store:
            simulation = Simulation(join(store, FLEET_KEY, NOW), raw, seed, believes=broken)
            simulation.run(2 * EVENTS)
        if simulation.violations:
            return
    pytest.fail("two gates were open for one hub, and nobody saw it")
