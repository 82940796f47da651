"""The leader: one at a time, bound to its lease; and what it does for everybody."""

import pytest
import redis

from coordinator.controller import NODE_KEPT_MS, Controller
from coordinator.errors import LeaseLost
from coordinator.fleet import Fleet
from tests.contract.test_concurrency import all_at_once
from tests.contract.test_lease import TTL, history, live, renew
from tests.contract.test_placement import admit, settle, take, under
from tests.contract.values import NOW, new_key, register

RESUME_MS = 60_000


def test_one_leads_until_its_lease_ends(fleet: Fleet, raw: redis.Redis) -> None:
    first, second = register(fleet, "node-1"), register(fleet, "node-2")
    assert renew(fleet, first).leader is None
    leader = fleet.election.lead(first, NOW)
    assert leader.is_held_by(first)
    assert fleet.election.lead(second, NOW) == leader
    assert fleet.election.lead(first, NOW).progress == 1
    assert renew(fleet, second).leader.node == "node-1"
    fleet.leases.leave(first, "stops", NOW)
    assert renew(fleet, second).leader is None
    after = fleet.election.lead(second, NOW)
    assert after.is_held_by(second)
    assert after.epoch > leader.epoch
    with pytest.raises(LeaseLost):
        fleet.election.lead(first, NOW)


def test_many_want_to_lead_and_one_does(fleet: Fleet) -> None:
    leases = [register(fleet, f"node-{n}") for n in range(1, 9)]
    leaders = all_at_once(lambda n: fleet.election.lead(leases[n], NOW), 8)
    assert len({leader.epoch for leader in leaders}) == 1


def test_a_leader_without_progress_is_replaced(fleet: Fleet, raw: redis.Redis) -> None:
    first, second = register(fleet, "node-1"), register(fleet, "node-2")
    fleet.election.lead(first, NOW)
    live(fleet, raw, 31_000, first, second)
    assert fleet.election.lead(second, NOW).is_held_by(second)


def test_who_steps_down_lets_others_come_first(fleet: Fleet, raw: redis.Redis) -> None:
    first, second = register(fleet, "node-1"), register(fleet, "node-2")
    assert fleet.election.step_down(NOW) == ""
    fleet.election.lead(first, NOW)
    assert fleet.election.step_down(NOW) == "node-1"
    assert fleet.election.leader() is None
    assert fleet.election.lead(first, NOW) is None
    assert fleet.election.lead(second, NOW).is_held_by(second)
    fleet.election.step_down(NOW)
    assert fleet.election.lead(first, NOW).is_held_by(first), "the rest is over with the next"


def test_alone_one_may_lead_again_after_a_leases_life(fleet: Fleet, raw: redis.Redis) -> None:
    lease = register(fleet, "node-1")
    fleet.election.lead(lease, NOW)
    fleet.election.step_down(NOW)
    live(fleet, raw, TTL + 1000, lease)
    assert fleet.election.lead(lease, NOW).is_held_by(lease)


def test_controller_says_what_it_did(fleet: Fleet, raw: redis.Redis) -> None:
    first, second, third = settle(fleet)
    controller = Controller(fleet.prologue, RESUME_MS)
    grant = take(fleet, first)
    records = [fleet.sessions.open(under(grant), new_key(), NOW) for _ in range(3)]
    _, ticket = admit(fleet, second)
    assert controller.step(second, NOW) == ""
    assert controller.step(third, NOW) == ""
    fleet.leases.leave(first, "stops", NOW)
    assert controller.step(second, NOW) == "1 hubs placed"
    owner = fleet.placement.owner("corp")
    assert owner.node in ("node-2", "node-3")
    assert controller.step(second, NOW) == ""
    taken_over = next(lease for lease in (second, third) if lease.node == owner.node)
    (assigned,) = renew(fleet, taken_over).assigned
    fleet.placement.activate(assigned, NOW)
    kept = fleet.sessions.adopt(
        records[0], owner.node, NOW, inc=assigned.inc, hub_epoch=assigned.epoch
    )
    live(fleet, raw, RESUME_MS, second, third)
    assert controller.step(second, NOW) == "2 sessions ended, 1 tickets expired"
    assert fleet.sessions.of_hub("corp") == [kept]
    raw.hincrby(fleet.store.keys.node("node-1"), "ended_ms", -NODE_KEPT_MS)
    assert controller.step(second, NOW) == "1 nodes forgotten"
    assert [node.id for node in fleet.nodes.nodes()] == ["node-2", "node-3"]
    assert not fleet.tickets.give_back(ticket, NOW)


def test_history_can_be_followed(fleet: Fleet) -> None:
    first, *_ = settle(fleet, 1)
    seen = fleet.history.latest(1)[0]
    assert (seen.what, seen.node, seen.epoch) == ("register", "node-1", first.inc)
    grant = take(fleet, first)
    fleet.placement.free(grant, NOW)
    events = fleet.history.after(seen.id, 10)
    assert [(e.what, e.hub, e.epoch) for e in events] == [
        (what, "corp", grant.epoch) for what in ("grant", "active", "free")
    ]
    assert fleet.history.after(events[-1].id, 10) == []
    assert len(fleet.history.after("", 2)) == 2
    assert history(fleet)[-1] == "free corp: idle"
