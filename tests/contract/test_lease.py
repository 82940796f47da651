"""Leases: who is alive, by a clock that neither outages nor clock steps can hurry."""

from dataclasses import replace

import pytest
import redis

from coordinator.errors import Conflict, ForeignStore, LeaseLost, NotFound
from coordinator.fleet import Fleet, join
from coordinator.lease import Busy, Finding, Lease
from coordinator.model import NodeMode, NodeState
from coordinator.redis_store import LEASE_TIMEOUT, RedisStore, connect
from coordinator.timing import Timing
from gateway.embedded import EmbeddedStore
from tests.conftest import FLEET_KEY
from tests.contract.values import LATER, NODE, NOW, a_node, furnish, let_pass, register, renew
from tests.stock.waiting import until

TTL = Timing().ttl_ms
BEFORE = "f" * 40  # id of a run of the store


def live(fleet: Fleet, raw: redis.Redis, ms: int, *leases: Lease) -> None:
    """Let the lease clock go on while these nodes renew."""
    for _ in range(0, ms, 1000):
        let_pass(fleet, raw, 1000)
        for lease in leases:
            renew(fleet, lease)


def history(fleet: Fleet) -> list[str]:
    """What happened, in words."""
    return [f"{e.what} {e.hub or e.node}: {e.why}" for e in fleet.history.latest(100)]


# -- the holder's side ---------------------------------------------------------------------------


def test_deadline_counts_from_before_the_request(fleet: Fleet) -> None:
    lease = fleet.leases.register(a_node("node-1"), 100.0, NOW)
    assert lease.deadline == 103.5  # ttl 4 s less margin 0.5 s
    assert lease.is_valid(103.4)
    assert not lease.is_valid(103.5)
    renewed = renew(fleet, lease, t0=101.0).lease
    assert renewed.deadline == 104.5
    # An answer that comes out of order shortens nothing.
    assert renew(fleet, renewed, t0=100.5).lease.deadline == 104.5


def test_row_reads_like_a_status_line(fleet: Fleet, raw: redis.Redis) -> None:
    lease = register(fleet, "node-1")
    renew(fleet, lease, sessions=3, connections=5, counts={"over-limit": 2})
    row = raw.hgetall(fleet.store.keys.node("node-1"))
    assert (row["state"], row["mode"], row["sessions"]) == ("up", "serving", "3")
    node = fleet.nodes.node("node-1")
    assert (node.inc, node.counts, node.updated) == (lease.inc, {"over-limit": 2}, LATER)
    assert node.direct_tcp_ports == (5555, 992)


def test_a_renewal_brings_news_and_orders(fleet: Fleet) -> None:
    furnish(fleet)
    lease = register(fleet, "node-1")
    assert renew(fleet, lease).directory_version == 2
    fleet.placement.place(lease, "corp", NOW)
    fleet.placement.order_move("corp", "", NOW)
    first = renew(fleet, lease)
    assert renew(fleet, lease).orders == first.orders  # until they are named
    assert renew(fleet, lease, last_order=first.last_order).orders == ()


# -- one incarnation at a time -------------------------------------------------------------------


def test_second_process_elsewhere_is_told_to_wait(fleet: Fleet, raw: redis.Redis) -> None:
    first = register(fleet, "node-1")
    busy = fleet.leases.register(a_node("node-1", boot="elsewhere", pid=9), 0.0, NOW)
    assert isinstance(busy, Busy)
    assert 0 < busy.wait_ms <= TTL + 1
    assert (busy.host, busy.pid) == (NODE.host, NODE.pid)
    let_pass(fleet, raw, busy.wait_ms)
    second = register(fleet, "node-1", boot="elsewhere")
    assert second.inc > first.inc
    with pytest.raises(LeaseLost, match="another process runs as this node"):
        renew(fleet, first)


def test_process_on_the_same_host_succeeds_one_that_is_gone_at_once(
    fleet: Fleet, store_url: str, fleet_name: str
) -> None:
    first = register(fleet, "node-1")
    own = connect(store_url, fleet_name, timeout=LEASE_TIMEOUT, pool_size=1)
    presence = own.attend(fleet.store.keys.presence("node-1", first.inc))
    assert isinstance(fleet.leases.register(a_node("node-1"), 0.0, NOW), Busy)
    presence.close()
    own.close()
    # The store finds the end of the connection when it next looks.
    again = until(lambda: _registered(fleet.leases.register(a_node("node-1"), 0.0, NOW)), "room")
    assert again.inc > first.inc


def _registered(answer: Lease | Busy) -> Lease | None:
    return answer if isinstance(answer, Lease) else None


def test_who_left_can_come_back_and_disturbs_nobody(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    assert fleet.leases.leave(lease, "stops", NOW)
    assert not fleet.leases.leave(lease, "stops", NOW)
    node = fleet.nodes.node("node-1")
    assert (node.state, node.why, node.ended) == (NodeState.LEFT, "stops", NOW)
    with pytest.raises(LeaseLost, match="left: stops"):
        renew(fleet, lease)
    assert register(fleet, "node-1").inc > lease.inc
    assert fleet.nodes.node("node-1").state is NodeState.UP


def test_supervisor_ends_the_process_it_reaped_and_no_other(fleet: Fleet) -> None:
    lease = register(fleet, "node-1", process="worker-7")
    assert not fleet.leases.reap("node-1", "worker-6", "killed by signal 9", NOW)
    assert fleet.leases.reap("node-1", "worker-7", "killed by signal 9", NOW)
    with pytest.raises(LeaseLost, match="dead: killed by signal 9"):
        renew(fleet, lease)


# -- death ---------------------------------------------------------------------------------------


def test_expiry_takes_nothing_away_until_somebody_says_so(fleet: Fleet, raw: redis.Redis) -> None:
    lease = register(fleet, "node-1")
    let_pass(fleet, raw, 10 * TTL)
    assert renew(fleet, lease).lease.inc == lease.inc


def test_any_renewal_ends_leases_that_expired(fleet: Fleet, raw: redis.Redis) -> None:
    leases = [register(fleet, f"node-{n}") for n in (1, 2, 3)]
    let_pass(fleet, raw, TTL - 500)
    assert renew(fleet, leases[0]).died == ()
    let_pass(fleet, raw, 600)
    assert renew(fleet, leases[0]).died == ("node-2", "node-3")
    with pytest.raises(LeaseLost, match="dead: lease expired"):
        renew(fleet, leases[1])
    assert history(fleet)[-2].startswith("dead node-2: lease expired")


def test_declaring_needs_an_expired_lease_and_a_living_accuser(
    fleet: Fleet, raw: redis.Redis
) -> None:
    lease, other = register(fleet, "node-1"), register(fleet, "node-2")
    found = fleet.leases.declare(lease, "node-2", NOW)
    assert (found.word, found.is_dead) == ("alive", False)
    assert 0 < found.wait_ms <= TTL + 1
    let_pass(fleet, raw, found.wait_ms)
    assert fleet.leases.declare(lease, "node-2", NOW).is_dead
    assert fleet.leases.declare(lease, "node-2", NOW).is_dead
    assert fleet.leases.declare(lease, "node-9", NOW).word == "gone"
    with pytest.raises(LeaseLost):
        fleet.leases.declare(other, "node-1", NOW)


def test_closed_port_and_ended_presence_are_death_in_a_moment(
    fleet: Fleet, raw: redis.Redis, store_url: str, fleet_name: str
) -> None:
    lease, other = register(fleet, "node-1"), register(fleet, "node-2")
    own = connect(store_url, fleet_name, timeout=LEASE_TIMEOUT, pool_size=1)
    presence = own.attend(fleet.store.keys.presence("node-2", other.inc))

    def accuse() -> Finding:
        return fleet.leases.suspect(lease, "node-2", other.inc, NOW)

    def renew_watched() -> None:
        renew(fleet, other, witness="node-1", witness_inc=lease.inc)

    renew_watched()
    assert accuse().word == "alive"
    presence.close()
    own.close()
    # The store finds the end of the connection when it next looks.
    first = until(lambda: (found := accuse()).word == "suspect" and found, "an accusation", 5)
    assert first.wait_ms == 200
    assert accuse().word == "suspect"
    renew_watched()  # it is there after all
    let_pass(fleet, raw, 300)
    assert accuse().word == "suspect"
    let_pass(fleet, raw, 200)
    assert accuse().is_dead
    with pytest.raises(LeaseLost, match="its port refuses and its presence ended"):
        renew(fleet, other)


def test_only_the_witness_a_node_has_named_may_accuse_it(fleet: Fleet) -> None:
    """And it in the incarnation that was named: one that was restarted remembers no promise."""
    lease, other = register(fleet, "node-1"), register(fleet, "node-2")
    third = register(fleet, "node-3")

    def accuse(by: Lease) -> str:
        return fleet.leases.suspect(by, "node-2", other.inc, NOW).word

    assert accuse(lease) == "alive"
    renew(fleet, other, witness="node-1", witness_inc=lease.inc - 1)
    assert accuse(lease) == "alive"
    renew(fleet, other, witness="node-1", witness_inc=lease.inc)
    assert (accuse(third), accuse(lease)) == ("alive", "suspect")
    renew(fleet, other)
    assert fleet.leases.suspect(lease, "node-2", other.inc, NOW).word == "alive"
    assert fleet.leases.suspect(lease, "node-2", other.inc - 1, NOW).word == "gone"


# -- the lease clock -----------------------------------------------------------------------------


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000], ids=["forward", "back"])
def test_a_step_of_the_stores_clock_ends_no_lease(
    fleet: Fleet, raw: redis.Redis, step_ms: int
) -> None:
    lease, other = register(fleet, "node-1"), register(fleet, "node-2")
    raw.hincrby(fleet.store.keys.meta(), "seen_ms", -step_ms)
    renewal = renew(fleet, lease)
    assert renewal.died == ()
    assert renew(fleet, other).lease.inc == other.inc
    gaps = fleet.store.field(fleet.store.keys.meta(), "gaps")
    assert gaps == ("1" if step_ms > 0 else None)


def test_epochs_grow_whatever_the_clock_says(fleet: Fleet, raw: redis.Redis) -> None:
    meta = fleet.store.keys.meta()
    raw.hset(meta, "highest_epoch", 9_000_000_000_000)
    first = register(fleet, "node-1")
    raw.hset(meta, "highest_epoch", 5)  # writes were lost; the survivor remembers
    second = register(fleet, "node-2")
    assert (first.inc, second.inc) == (9_000_000_000_001, 9_000_000_000_002)


# -- a store that was restarted, emptied, exchanged ----------------------------------------------


def restart(fleet: Fleet, raw: redis.Redis) -> None:
    """Make the store look as after a restart; leases of before were confirmed by `BEFORE`."""
    raw.hset(fleet.store.keys.meta(), "run", BEFORE)


def test_after_a_restart_nobody_dies_before_all_had_time(fleet: Fleet, raw: redis.Redis) -> None:
    leases = [replace(register(fleet, f"node-{n}"), run=BEFORE) for n in (1, 2)]
    restart(fleet, raw)
    let_pass(fleet, raw, 2 * TTL)
    first = renew(fleet, leases[0], t0=9.0)
    assert first.must_reconcile
    assert first.lease.deadline == leases[0].deadline, "not extended by a copy that may be old"
    assert first.died == ()
    assert fleet.leases.declare(leases[0], "node-2", NOW).word == "grace"
    for lease in leases:
        again = fleet.leases.reconcile(lease, a_node(lease.node), {}, 10.0, NOW)
        assert again.lease.deadline == 13.5
        assert not renew(fleet, again.lease).must_reconcile
    let_pass(fleet, raw, 2 * TTL)
    assert renew(fleet, again.lease).died == ("node-1",)
    assert fleet.store.field(fleet.store.keys.meta(), "restarts") == "1"


def test_who_does_not_reconcile_dies_after_grace(fleet: Fleet, raw: redis.Redis) -> None:
    lease = register(fleet, "node-1")
    register(fleet, "node-2")
    restart(fleet, raw)
    lease = fleet.leases.reconcile(lease, a_node("node-1"), {}, 0.0, NOW).lease
    let_pass(fleet, raw, TTL + 1)
    assert renew(fleet, lease).died == ("node-2",)


def test_a_restart_without_any_lease_needs_no_grace(fleet: Fleet, raw: redis.Redis) -> None:
    furnish(fleet)
    fleet.leases.leave(register(fleet, "node-1"), "stops", NOW)
    restart(fleet, raw)
    lease = register(fleet, "node-1")
    placed = fleet.placement.place(lease, "corp", NOW)
    assert placed.grant.node == "node-1"


def test_a_lost_row_is_restored_under_the_same_incarnation(fleet: Fleet, raw: redis.Redis) -> None:
    lease = register(fleet, "node-1")
    raw.delete(fleet.store.keys.node("node-1"), fleet.store.keys.leases())
    renewal = renew(fleet, lease, t0=5.0)
    assert renewal.must_reconcile
    assert renewal.lease == lease
    fleet.leases.reconcile(lease, a_node("node-1"), {}, 6.0, NOW)
    assert renew(fleet, lease).lease.inc == lease.inc


def test_real_restart_is_noticed_and_keeps_every_lease(
    private_store: EmbeddedStore, fleet_name: str
) -> None:
    store = connect(private_store.url, fleet_name)
    fleet = join(store, FLEET_KEY, NOW)
    furnish(fleet)
    lease = register(fleet, "node-1")
    grant = fleet.placement.place(lease, "corp", NOW).grant
    assert fleet.placement.activate(grant, NOW)
    private_store.stop()
    private_store.ensure()
    renewal = renew(fleet, lease)
    assert renewal.must_reconcile
    done = fleet.leases.reconcile(lease, a_node("node-1"), {"corp": grant.epoch}, 0.0, NOW)
    assert done.lost == ()
    assert fleet.placement.owner("corp").epoch == grant.epoch
    store.close()


def test_emptied_or_foreign_store_is_not_filled_anew(
    fleet: Fleet, store: RedisStore, raw: redis.Redis
) -> None:
    lease = register(fleet, "node-1")
    raw.hset(store.keys.meta(), "cluster", "another")
    with pytest.raises(ForeignStore, match=r"is not in unix://.* any more"):
        renew(fleet, lease)
    raw.delete(*[key for key, _ in store.scan()])
    for attempt in (
        lambda: renew(fleet, lease),
        lambda: register(fleet, "node-2"),
        lambda: fleet.placement.place(lease, "corp", NOW),
        lambda: fleet.election.lead(lease, NOW),
        lambda: fleet.leases.reconcile(lease, NODE, {"corp": 1}, 0.0, NOW),
    ):
        with pytest.raises(ForeignStore):
            attempt()
    assert list(store.scan()) == []


# -- operators -----------------------------------------------------------------------------------


def test_mode_is_heard_at_the_next_renewal_and_outlives_a_restart(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    fleet.nodes.set_mode("node-1", NodeMode.DRAINING, NOW)
    assert renew(fleet, lease).mode is NodeMode.DRAINING
    fleet.leases.leave(lease, "stops", NOW)
    assert renew(fleet, register(fleet, "node-1")).mode is NodeMode.DRAINING
    with pytest.raises(NotFound, match="no node named 'node-9'"):
        fleet.nodes.set_mode("node-9", NodeMode.SERVING, NOW)


def test_rate_of_a_drain_holds_as_long_as_it_lasts(fleet: Fleet) -> None:
    lease = register(fleet, "node-1")
    fleet.nodes.set_mode("node-1", NodeMode.DRAINING, NOW, drain_rate=5)
    renew(fleet, lease)
    fleet.leases.leave(lease, "stops", NOW)
    register(fleet, "node-1")
    assert fleet.nodes.node("node-1").drain_rate == 5
    fleet.nodes.set_mode("node-1", NodeMode.DRAINING, NOW, drain_rate=7)
    assert fleet.nodes.node("node-1").drain_rate == 7
    fleet.nodes.set_mode("node-1", NodeMode.SERVING, NOW)
    assert fleet.nodes.node("node-1").drain_rate == 0


def test_a_living_node_cannot_be_removed(fleet: Fleet, raw: redis.Redis) -> None:
    lease = register(fleet, "node-1")
    with pytest.raises(Conflict, match="node 'node-1' is alive"):
        fleet.nodes.remove("node-1", NOW)
    fleet.leases.leave(lease, "stops", NOW)
    fleet.nodes.remove("node-1", NOW)
    assert fleet.nodes.nodes() == []


def test_times_are_the_fleets_own(store: RedisStore) -> None:
    short = Timing().scaled(0.1)
    assert join(store, FLEET_KEY, NOW, timing=short).timing == short
    assert join(store, FLEET_KEY, NOW).timing == short
    assert replace(short, ttl_ms=401) != short
