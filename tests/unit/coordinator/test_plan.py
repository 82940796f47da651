"""What the controller plans, from snapshots, one action per line."""

from coordinator.controller import HUBS_A_CYCLE, NODE_KEPT_MS, Loss, Snapshot, plan
from coordinator.model import Node, NodeState
from coordinator.times import Timestamp

NOW = Timestamp("2026-01-31T12:00:00.000Z")
RESUME_MS = 60_000


def loss(name: str, ended_ms: int, hubs: str = "", sessions: str = "") -> Loss:
    node = Node(name, 1, "", "", "", NOW, state=NodeState.DEAD, ended_ms=ended_ms)
    return Loss(node, tuple(hubs.split()), tuple(sessions.split()))


def planned(clock_ms: int, *losses: Loss) -> list[str]:
    return [str(action) for action in plan(Snapshot(clock_ms, losses), RESUME_MS)]


def test_a_healthy_fleet_has_only_tickets_to_look_after() -> None:
    assert planned(10_000) == ["expire tickets"]


def test_hubs_with_most_sessions_come_first_and_idle_ones_wait_to_be_asked_for() -> None:
    died = loss("gw1", 10_000, "idle one two", "one:S-1 two:S-1 two:S-2 lan:S-9")
    assert planned(10_001, died) == ["place two", "place one", "expire tickets"]


def test_sessions_nobody_came_back_for_are_removed_when_they_may_not_be_taken_over_any_more() -> (
    None
):
    died = loss("gw1", 10_000, "", "lan:S-1 lan:S-2")
    assert planned(10_000 + RESUME_MS - 1, died) == ["expire tickets"]
    assert planned(10_000 + RESUME_MS, died) == [
        "collect lan:S-1",
        "collect lan:S-2",
        "expire tickets",
    ]


def test_a_node_is_forgotten_an_hour_after_its_last_session() -> None:
    late = 10_000 + NODE_KEPT_MS
    assert planned(late - 1, loss("gw1", 10_000)) == ["expire tickets"]
    assert planned(late, loss("gw1", 10_000)) == ["forget gw1", "expire tickets"]
    assert "forget gw1" not in planned(late, loss("gw1", 10_000, "", "lan:S-1"))


def test_a_mass_death_is_worked_off_in_portions() -> None:
    names = [f"h{n:03}" for n in range(200)]
    died = loss("gw1", 0, " ".join(names), " ".join(f"{name}:S-1" for name in names))
    placed = [line for line in planned(1, died) if line.startswith("place")]
    assert placed == [f"place {name}" for name in names[:HUBS_A_CYCLE]]
