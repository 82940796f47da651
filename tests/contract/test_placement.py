"""Placement: one owner per dynamic hub, fair choices, exact limits, fenced writes."""

from collections import Counter
from dataclasses import replace

import pytest
import redis

from coordinator.errors import BadTicket, HubOffline, NoRoom, NotFound, StaleEpoch
from coordinator.fleet import Fleet
from coordinator.lease import Lease
from coordinator.model import Hub, HubKind, LoseHub, MoveHub, NodeMode, SessionUpdate
from coordinator.placement import At, Grant, Here, Nobody, Wait, calc_point
from coordinator.timing import Timing
from tests.contract.test_concurrency import all_at_once
from tests.contract.test_lease import TTL, history, renew, restart
from tests.contract.values import (
    ALICE,
    HUB,
    LATER,
    LOGIN,
    NOW,
    a_node,
    furnish,
    let_pass,
    machine,
    new_key,
    register,
)

STATIC = Hub("Lan", HubKind.STATIC)


def settle(fleet: Fleet, nodes: int = 3, **changes: object) -> list[Lease]:
    """A dynamic hub, a static one, a user each, and some nodes."""
    furnish(fleet)
    furnish(fleet, STATIC, replace(ALICE, hub="Lan"))
    return [register(fleet, f"node-{n}", **changes) for n in range(1, nodes + 1)]


def take(fleet: Fleet, lease: Lease, hub: str = "corp") -> Grant:
    """Own a hub, served."""
    placed = fleet.placement.place(lease, hub, NOW, here=True)
    assert isinstance(placed, Here), placed
    assert fleet.placement.activate(placed.grant, NOW)
    return placed.grant


def admit(fleet: Fleet, lease: Lease, hub: str = "Corp", **changes: object):
    """Admit Alice at a node; return the answer and the ticket."""
    ticket = new_key()
    new = replace(LOGIN, hub=hub, node=lease.node, **changes)  # type: ignore[arg-type] # by name
    return fleet.placement.admit(lease, new, ticket, NOW), ticket


def under(grant: Grant, **changes: object):
    """A login at the owner of a hub."""
    login = replace(LOGIN, node=grant.node, inc=grant.inc, hub_epoch=grant.epoch)
    return replace(login, **changes)  # type: ignore[arg-type]  # fields by name


# -- one owner -----------------------------------------------------------------------------------


def test_who_asks_second_hears_what_the_first_was_told(fleet: Fleet) -> None:
    leases = settle(fleet)
    answers = [fleet.placement.place(lease, "Corp", NOW) for lease in leases * 2]
    assert isinstance(answers[0], Here)
    grant = answers[0].grant
    elsewhere = At("node-1", "192.0.2.1", (5555, 992), grant.epoch)
    assert answers == [answers[0], elsewhere, elsewhere] * 2
    assert fleet.placement.activate(grant, NOW)
    assert fleet.placement.activate(grant, NOW)
    assert fleet.placement.place(leases[0], "corp", NOW) == Here(grant, True)
    owner = fleet.placement.owner("corp")
    assert (owner.node, owner.state, owner.why) == ("node-1", "active", "placed")


def test_many_ask_at_once_and_one_node_is_granted(fleet: Fleet) -> None:
    leases = settle(fleet)
    answers = all_at_once(lambda n: fleet.placement.place(leases[n % 3], "corp", NOW), 30)
    epochs = {a.grant.epoch if isinstance(a, Here) else a.epoch for a in answers}
    assert len(epochs) == 1
    assert history(fleet).count("grant corp: placed") == 1


def test_what_cannot_be_placed(fleet: Fleet) -> None:
    (lease,) = settle(fleet, 1)
    with pytest.raises(NotFound, match="no hub named 'none'"):
        fleet.placement.place(lease, "none", NOW)
    with pytest.raises(NotFound, match="no dynamic hub named 'lan'"):
        fleet.placement.place(lease, "lan", NOW)
    fleet.directory.set_hub(replace(fleet.directory.hub("corp"), online=False), NOW)
    with pytest.raises(HubOffline):
        fleet.placement.place(lease, "corp", NOW)
    assert fleet.placement.owner("corp") is None


def test_hub_of_a_dead_node_goes_to_another_at_a_higher_epoch(
    fleet: Fleet, raw: redis.Redis
) -> None:
    first, second, _ = settle(fleet)
    grant = take(fleet, first)
    let_pass(fleet, raw, TTL - 1000)
    renew(fleet, second)
    assert fleet.placement.place(second, "corp", NOW).node == "node-1", "not yet dead"
    let_pass(fleet, raw, 1100)
    placed = fleet.placement.place(second, "corp", NOW)
    assert isinstance(placed, Here)  # node-3 has not renewed either
    assert placed.grant.epoch > grant.epoch
    assert not fleet.placement.activate(grant, NOW)


def test_a_grant_nobody_takes_up_goes_elsewhere(fleet: Fleet, raw: redis.Redis) -> None:
    first, second, _ = settle(fleet)
    lost = fleet.placement.place(first, "corp", NOW, here=True).grant
    assert renew(fleet, first).assigned == (lost,)
    let_pass(fleet, raw, 2001)
    placed = fleet.placement.place(second, "corp", NOW, here=True)
    assert placed.grant.epoch > lost.epoch
    assert not fleet.placement.activate(lost, NOW)
    assert renew(fleet, first).assigned == ()
    assert fleet.placement.activate(placed.grant, NOW)


def test_hubs_of_a_reaped_worker_wait_for_its_successor(fleet: Fleet, raw: redis.Redis) -> None:
    _, other, _ = settle(fleet)
    worker = register(fleet, "node-4", process="w1")
    grant = take(fleet, worker)
    assert fleet.leases.reap("node-4", "w1", "killed by signal 9", NOW)
    assert fleet.placement.place(other, "corp", NOW) == Wait(100, "heir")
    heir = register(fleet, "node-4", process="w2")
    # Whoever asks first, it is the successor's.
    assert fleet.placement.place(other, "corp", NOW, here=True).node == "node-4"
    (assigned,) = renew(fleet, heir).assigned
    assert (assigned.inc, assigned.epoch > grant.epoch) == (heir.inc, True)
    assert fleet.placement.activate(assigned, NOW)
    assert renew(fleet, heir).assigned == ()


def test_successor_hears_of_its_hubs_unasked_and_others_wait_no_longer_than_agreed(
    fleet: Fleet, raw: redis.Redis
) -> None:
    _, other, _ = settle(fleet)
    worker = register(fleet, "node-4", process="w1")
    take(fleet, worker)
    fleet.leases.reap("node-4", "w1", "killed by signal 9", NOW)
    heir = register(fleet, "node-4")
    assert [g.hub for g in renew(fleet, heir).assigned] == ["corp"]
    fleet.leases.leave(heir, "stops", NOW)
    third = register(fleet, "node-4", process="w3")
    fleet.leases.reap("node-4", "w3", "killed by signal 9", NOW)
    let_pass(fleet, raw, Timing().heir_ms + 1)
    renew(fleet, other)
    placed = fleet.placement.place(other, "corp", NOW, here=True)
    assert isinstance(placed, Here)
    assert third.inc < placed.grant.epoch


def test_idle_hub_is_given_up_and_a_used_one_is_not(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    grant = take(fleet, lease)
    record = fleet.sessions.open(under(grant), new_key(), NOW)
    assert not fleet.placement.free(grant, NOW)
    fleet.sessions.close(record)
    _, ticket = admit(fleet, lease)
    assert not fleet.placement.free(grant, NOW)
    assert fleet.tickets.give_back(ticket, NOW)
    assert fleet.placement.free(grant, NOW)
    assert fleet.placement.free(grant, NOW)
    assert fleet.placement.owner("corp").node == ""
    again = take(fleet, lease)
    assert again.epoch > grant.epoch
    with pytest.raises(StaleEpoch):
        fleet.placement.free(grant, NOW)


def test_a_hub_is_handed_over(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    grant = take(fleet, lease)
    assert fleet.placement.transfer(grant, "node-9", NOW) is None
    assert fleet.placement.transfer(grant, "node-1", NOW) is None
    after = fleet.placement.transfer(grant, "node-3", NOW)
    assert (after.node, after.epoch > grant.epoch) == ("node-3", True)
    assert fleet.placement.transfer(grant, "node-3", NOW) == after, "asked again"
    assert fleet.placement.activate(after, NOW)
    best = fleet.placement.transfer(after, "", NOW)
    assert best.node in ("node-1", "node-2")
    with pytest.raises(StaleEpoch):
        fleet.placement.transfer(grant, "node-2", NOW)


def test_a_hub_goes_to_a_preferred_node_with_room(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    grant = take(fleet, lease)
    fleet.nodes.set_mode("node-2", NodeMode.CORDONED, NOW)
    elsewhere = fleet.placement.transfer(grant, "", NOW, prefer=["node-1", "node-2", "node-9"])
    assert elsewhere.node == "node-3", "the preferred one takes nothing"
    assert fleet.placement.activate(elsewhere, NOW)
    fleet.nodes.set_mode("node-2", NodeMode.SERVING, NOW)
    beside = fleet.placement.transfer(elsewhere, "", NOW, prefer=["node-2"])
    assert beside.node == "node-2"


def test_a_hub_that_stays_says_why_until_it_goes(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    grant = take(fleet, lease)
    assert fleet.placement.owner("corp").stays == ""
    assert fleet.placement.transfer(grant, "node-9", NOW) is None
    assert fleet.placement.owner("corp").stays == "node-9 takes nothing, or is gone"
    for node in ("node-2", "node-3"):
        fleet.nodes.set_mode(node, NodeMode.CORDONED, NOW)
    assert fleet.placement.transfer(grant, "", LATER) is None
    stays = fleet.placement.owner("corp")
    assert (stays.stayed, stays.stays) == (LATER, "no other node can take it")
    fleet.nodes.set_mode("node-2", NodeMode.SERVING, NOW)
    assert fleet.placement.transfer(grant, "", LATER) is not None
    assert fleet.placement.owner("corp").stays == ""


def test_an_owner_is_ordered_to_move_a_hub(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    with pytest.raises(NotFound, match="no owner of hub named 'Corp'"):
        fleet.placement.order_move("Corp", "node-2", NOW)
    take(fleet, lease)
    with pytest.raises(NotFound, match="no living node named 'node-9'"):
        fleet.placement.order_move("corp", "node-9", NOW)
    assert fleet.placement.order_move("Corp", "node-2", NOW) == "node-1"
    assert renew(fleet, lease).orders == (MoveHub("corp", "node-2"),)


def test_records_can_be_read_in_bulk(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    grant = take(fleet, lease)
    (owned,) = fleet.placement.owned_by("node-1")
    assert (owned.hub, owned.epoch) == ("corp", grant.epoch)
    assert fleet.placement.owners() == [owned]
    fleet.directory.delete_hub("corp")
    assert fleet.placement.owned_by("node-1") == []


# -- fair choices --------------------------------------------------------------------------------


@pytest.mark.parametrize("hub", ["Lan", "dynamic"])
def test_burst_over_equal_nodes_differs_by_at_most_one(fleet: Fleet, hub: str) -> None:
    leases = settle(fleet)

    def place_one(number: int) -> str:
        if hub == "Lan":
            placed, _ = admit(fleet, leases[number % 3], "Lan")
        else:
            fleet.directory.create_hub(Hub(f"h{number}"), NOW)
            placed = fleet.placement.place(leases[number % 3], f"h{number}", NOW)
        return leases[number % 3].node if isinstance(placed, Here) else placed.node

    counts = Counter(all_at_once(place_one, 300))
    assert counts == {"node-1": 100, "node-2": 100, "node-3": 100}


def test_weights_and_limits_are_the_references(fleet: Fleet) -> None:
    furnish(fleet, STATIC, replace(ALICE, hub="Lan"))
    lease = register(fleet, "node-1", weight=200)
    register(fleet, "node-2", max_sessions=100_000)
    counts = Counter(
        "node-1" if isinstance(admit(fleet, lease, "Lan")[0], Here) else "node-2" for _ in range(90)
    )
    assert counts == {"node-1": 60, "node-2": 30}
    assert [calc_point(n, 1000, 100) for n in (0, 250, 1000, 5000)] == [100_000, 75_000, 0, 0]
    assert calc_point(1, 0, 0) == 99_999


def test_who_may_not_host_is_not_chosen(fleet: Fleet) -> None:
    settle(fleet, 0)
    entry = register(fleet, "node-1", is_host=False)
    assert admit(fleet, entry, "Lan")[0] == Nobody()
    assert fleet.placement.place(entry, "corp", NOW, here=True) == Nobody()
    register(fleet, "node-2", direct_address="")
    assert admit(fleet, entry, "Lan")[0] == Nobody(), "no client can be sent there"
    third = register(fleet, "node-3")
    assert admit(fleet, entry, "Lan")[0].node == "node-3"
    fleet.nodes.set_mode("node-3", NodeMode.CORDONED, NOW)
    renew(fleet, third)
    assert admit(fleet, entry, "Lan")[0] == Nobody()
    fleet.nodes.set_mode("node-3", NodeMode.SERVING, NOW)
    assert admit(fleet, entry, "Lan")[0].node == "node-3"


def test_a_full_node_is_not_chosen_but_an_owner_is_however_full(fleet: Fleet) -> None:
    settle(fleet, 0)
    lease = register(fleet, "node-1", max_sessions=2)
    grant = take(fleet, lease)
    for _ in range(2):
        fleet.sessions.open(under(grant), new_key(), NOW)
    assert admit(fleet, lease, "Lan")[0] == Nobody()
    assert isinstance(admit(fleet, lease, "Corp")[0], Here)


def test_a_client_that_cannot_be_redirected_stays_where_it_is(fleet: Fleet) -> None:
    first, second, _ = settle(fleet)
    for _ in range(5):
        placed = fleet.placement.admit(
            second, replace(LOGIN, hub="Lan", node="node-2"), new_key(), NOW, stay=True
        )
        assert placed == Here(None, True)
    take(fleet, first)
    new = replace(LOGIN, node="node-2")
    assert fleet.placement.admit(second, new, new_key(), NOW, stay=True).node == "node-1"


def test_a_node_that_does_not_renew_is_not_chosen(fleet: Fleet, raw: redis.Redis) -> None:
    lease, *_ = settle(fleet)
    let_pass(fleet, raw, TTL + 1)
    fleet.leases.renew(lease, a_node("node-1"), 0.0, NOW)
    assert {type(admit(fleet, lease, "Lan")[0]) for _ in range(4)} == {Here}


# -- tickets and limits --------------------------------------------------------------------------


def test_a_ticket_admits_once_where_it_was_issued_for(fleet: Fleet) -> None:
    first, second, _ = settle(fleet)
    grant = take(fleet, first)
    policy = {"MultiLogins": 3}
    placed, ticket = admit(fleet, second, policy=policy, unique_id=machine(7))
    assert placed == At("node-1", "192.0.2.1", (5555, 992), grant.epoch)
    found = fleet.tickets.find(ticket, "CORP", "node-1", NOW)
    assert (found.user, found.entry, found.policy) == ("Alice", "node-2", policy)
    assert (found.epoch, found.unique_id) == (grant.epoch, machine(7))
    for hub, node in (("lan", "node-1"), ("corp", "node-2"), ("a:b", "node-1")):
        with pytest.raises(BadTicket, match="ticket-elsewhere"):
            fleet.tickets.find(ticket, hub, node, NOW)
    with pytest.raises(BadTicket, match="ticket-unknown"):
        fleet.tickets.find(new_key(), "corp", "node-1", NOW)
    with pytest.raises(BadTicket, match="ticket-elsewhere"):
        fleet.sessions.open(
            under(grant, user="alice", hub="Lan", hub_epoch=0), new_key(), NOW, ticket
        )
    key = new_key()
    record = fleet.sessions.open(under(grant), key, NOW, ticket)
    assert fleet.sessions.open(under(grant), key, NOW, ticket) == record, "the answer was lost"
    with pytest.raises(BadTicket, match="ticket-unknown"):
        fleet.sessions.open(under(grant), new_key(), NOW, ticket)
    assert not fleet.tickets.give_back(ticket, NOW)


def test_ticket_expires_on_the_lease_clock_and_gives_its_place_back(
    fleet: Fleet, raw: redis.Redis
) -> None:
    first, *_ = settle(fleet)
    grant = take(fleet, first)
    _, ticket = admit(fleet, first)
    let_pass(fleet, raw, 59_000)
    fleet.tickets.find(ticket, "corp", "node-1", NOW)
    let_pass(fleet, raw, 1_001)
    with pytest.raises(BadTicket, match="ticket-unknown"):
        fleet.tickets.find(ticket, "corp", "node-1", NOW)
    with pytest.raises(BadTicket, match="ticket-unknown"):
        fleet.sessions.open(under(grant), new_key(), NOW, ticket)
    assert fleet.tickets.expire(NOW) == 1
    assert fleet.store.size(fleet.store.keys.hub_tickets("corp")) == 0


def test_hubs_of_a_node_that_was_stopped_wait_for_its_next_start(
    fleet: Fleet, raw: redis.Redis
) -> None:
    first, second, _ = settle(fleet)
    take(fleet, first)
    fleet.leases.leave(first, "stops", NOW, may_return=True)
    waits = fleet.placement.place(second, "corp", NOW)
    assert isinstance(waits, Wait)
    assert waits.why == "heir"
    let_pass(fleet, raw, Timing().heir_ms + 1)
    renew(fleet, second)
    assert isinstance(fleet.placement.place(second, "corp", NOW), At | Here)


def test_hubs_of_a_node_that_was_drained_wait_for_nobody(fleet: Fleet) -> None:
    first, second, _ = settle(fleet)
    take(fleet, first)
    fleet.nodes.set_mode("node-1", NodeMode.DRAINING, NOW)
    fleet.leases.leave(first, "stops", NOW, may_return=True)
    assert isinstance(fleet.placement.place(second, "corp", NOW), At | Here)


def test_ticket_outlives_a_restart_of_its_node_but_no_move_of_the_hub(fleet: Fleet) -> None:
    first, second, _ = settle(fleet)
    take(fleet, first)
    tickets = [admit(fleet, second)[1] for _ in range(2)]
    fleet.leases.leave(first, "restarts", NOW)
    heir = register(fleet, "node-1")
    (grant,) = renew(fleet, heir).assigned
    fleet.placement.activate(grant, NOW)
    assert fleet.sessions.open(under(grant), new_key(), NOW, tickets[0]).inc == heir.inc
    moved = fleet.placement.transfer(grant, "node-2", NOW)
    fleet.placement.activate(moved, NOW)
    with pytest.raises(StaleEpoch):
        fleet.sessions.open(under(grant), new_key(), NOW, tickets[1])
    with pytest.raises(BadTicket, match="ticket-elsewhere"):
        fleet.sessions.open(under(moved), new_key(), NOW, tickets[1])


@pytest.mark.parametrize("limit", ["hub-sessions", "user-logins"])
def test_limits_count_tickets_under_way(fleet: Fleet, limit: str) -> None:
    is_hub = limit == "hub-sessions"
    furnish(fleet, replace(HUB, max_sessions=7 if is_hub else 0))
    leases = [register(fleet, f"node-{n}") for n in (1, 2, 3)]
    grant = take(fleet, leases[0])
    policy = {} if is_hub else {"MultiLogins": 7}

    def log_in(number: int) -> bytes | None:
        """Half of them come by a ticket of their own, half straight at the owner."""
        try:
            if number % 2:
                return admit(fleet, leases[number % 3], policy=policy)[1]
            fleet.sessions.open(under(grant, policy=policy), new_key(), NOW)
        except NoRoom:
            return None
        return b""

    taken = [ticket for ticket in all_at_once(log_in) if ticket is not None]
    assert len(taken) == 7
    for ticket in filter(None, taken):
        fleet.sessions.open(under(grant, policy=policy), new_key(), NOW, ticket)
    assert fleet.sessions.count("corp") == 7


def test_admitting_again_with_the_same_ticket_holds_one_place(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    ticket, new = new_key(), replace(LOGIN, hub="Lan")
    for _ in range(3):
        fleet.placement.admit(lease, new, ticket, NOW)
    assert fleet.store.size(fleet.store.keys.hub_tickets("lan")) == 1


def test_who_is_not_admitted_has_no_ticket(fleet: Fleet) -> None:
    lease, *_ = settle(fleet)
    for changes, error in (({"hub": "none"}, NotFound), ({"user": "bob"}, NotFound)):
        with pytest.raises(error):
            fleet.placement.admit(lease, replace(LOGIN, **changes), new_key(), NOW)
    assert raw_tickets(fleet) == 0
    fleet.directory.delete_hub("lan")
    admit(fleet, lease)
    fleet.directory.delete_user("corp", "alice")
    assert raw_tickets(fleet) == 0


def raw_tickets(fleet: Fleet) -> int:
    return sum(":ticket:" in key for key, _ in fleet.store.scan())


# -- fencing -------------------------------------------------------------------------------------


def test_who_lost_a_hub_cannot_write_about_its_sessions(fleet: Fleet) -> None:
    first, second, _ = settle(fleet)
    old = take(fleet, first)
    record = fleet.sessions.open(under(old), new_key(), NOW)
    new = fleet.placement.transfer(old, "node-2", NOW)
    assert fleet.sessions.update([SessionUpdate(record, 1)], NOW) == [record]
    assert not fleet.sessions.close(record)
    with pytest.raises(StaleEpoch):
        fleet.sessions.open(under(old), new_key(), NOW)
    with pytest.raises(StaleEpoch):
        fleet.sessions.adopt(record, "node-1", NOW, inc=old.inc, hub_epoch=old.epoch)
    with pytest.raises(StaleEpoch):  # not before it is taken up
        fleet.sessions.adopt(record, "node-2", NOW, inc=new.inc, hub_epoch=new.epoch)
    with pytest.raises(StaleEpoch):  # nor by who does not say under which epoch
        fleet.sessions.open(LOGIN, new_key(), NOW)
    assert fleet.store.field(fleet.store.keys.meta(), "fenced") == "6"
    assert fleet.placement.activate(new, NOW)
    adopted = fleet.sessions.adopt(record, "node-2", NOW, inc=new.inc, hub_epoch=new.epoch)
    assert (adopted.node, adopted.inc, adopted.hub_epoch) == ("node-2", second.inc, new.epoch)
    assert fleet.sessions.update([SessionUpdate(adopted, 1)], NOW) == []
    assert fleet.sessions.close(adopted)


def test_the_dead_write_nothing_even_before_the_hub_is_anothers(fleet: Fleet) -> None:
    first, *_ = settle(fleet)
    grant = take(fleet, first)
    record = fleet.sessions.open(under(grant), new_key(), NOW)
    fleet.leases.leave(first, "stops", NOW)
    assert not fleet.sessions.close(record)


# -- after a restart of the store ----------------------------------------------------------------


def test_nothing_is_given_away_before_owners_have_spoken(fleet: Fleet, raw: redis.Redis) -> None:
    first, second, third = settle(fleet)
    grant = take(fleet, first)
    fleet.directory.create_hub(Hub("Free"), NOW)
    restart(fleet, raw)
    for hub in ("corp", "free"):
        assert fleet.placement.place(second, hub, NOW) == Wait(100, "grace")
    assert isinstance(admit(fleet, second, "Lan")[0], Here | At), "static hubs have no owner"
    fleet.leases.reconcile(first, a_node("node-1"), {"corp": grant.epoch}, 0.0, NOW)
    assert fleet.placement.place(second, "corp", NOW).epoch == grant.epoch
    for lease in (second, third):
        fleet.leases.reconcile(lease, a_node(lease.node), {}, 0.0, NOW)
    assert fleet.placement.place(second, "free", NOW) == Wait(100, "grace"), "two renewals"
    let_pass(fleet, raw, 2000)
    assert isinstance(fleet.placement.place(second, "free", NOW), Here | At)


def test_what_the_store_lost_is_restored_and_the_higher_epoch_wins(
    fleet: Fleet, raw: redis.Redis
) -> None:
    first, second, _ = settle(fleet)
    fleet.directory.create_hub(Hub("Free"), NOW)
    old = take(fleet, first)
    lost = take(fleet, first, "free")
    new = fleet.placement.transfer(old, "node-2", NOW)
    fleet.placement.activate(new, NOW)
    # The store comes back without the transfer, and without any trace of the other hub.
    keys = fleet.store.keys
    raw.hset(keys.owner("corp"), mapping={"node": "node-1", "inc": old.inc, "epoch": old.epoch})
    raw.smove(keys.node_hubs("node-2"), keys.node_hubs("node-1"), "corp")
    raw.delete(keys.owner("free"))
    restart(fleet, raw)
    assert fleet.placement.place(first, "corp", NOW) == Wait(100, "grace")
    mine = fleet.leases.reconcile(first, a_node("node-1"), {"free": lost.epoch}, 0.0, NOW)
    assert mine.lost == ()
    assert fleet.placement.owner("corp").node == "", "not claimed"
    fleet.leases.reconcile(second, a_node("node-2"), {"corp": new.epoch}, 0.0, NOW)
    owners = {o.hub: (o.node, o.epoch) for o in fleet.placement.owners()}
    assert owners == {"corp": ("node-2", new.epoch), "free": ("node-1", lost.epoch)}
    late = fleet.leases.reconcile(first, a_node("node-1"), {"corp": old.epoch}, 0.0, NOW)
    assert late.lost == ("corp",)


def test_who_has_a_hub_by_an_older_epoch_is_ordered_to_lose_it(fleet: Fleet) -> None:
    first, second, _ = settle(fleet)
    take(fleet, first)
    later = fleet.prologue.highest_epoch + 5
    fleet.leases.reconcile(second, a_node("node-2"), {"corp": later}, 0.0, NOW)
    assert renew(fleet, first).orders == (LoseHub("corp", later),)
    assert fleet.prologue.highest_epoch == later
