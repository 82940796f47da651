"""How a cascade is doing, from what is stored of it."""

from dataclasses import replace

import pytest

from coordinator.cascade import Cascade, CascadeState, CascadeStatus
from coordinator.model import Hub
from coordinator.placement import Ownership
from coordinator.times import Timestamp
from gateway.admin.cascades import judge

NOW = Timestamp("2026-01-31T12:00:00.000Z")
HUB = Hub("Corp")
UP = Cascade("Corp", "up", "h", 5555, "FAR", "corp", secret=b"S" * 20, version=7)
OWNER = Ownership("corp", "gw1", 3, 30, "active", NOW, "placed")
TOLD = CascadeStatus("Corp", "up", "gw1", 3, 30, 7, CascadeState.CONNECTED)


def judged(
    hub: Hub = HUB,
    cascade: Cascade = UP,
    owner: Ownership | None = OWNER,
    alive: bool = True,
    status: CascadeStatus | None = TOLD,
) -> str:
    found = judge(hub, cascade, owner, alive, status)
    return f"{found.state} {found.node} {found.why}".strip()


def test_what_its_owner_says_is_believed():
    assert judged() == "connected gw1"
    broken = replace(TOLD, state=CascadeState.RETRYING, why="nobody answers")
    assert judged(status=broken) == "retrying gw1 nobody answers"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cascade": replace(UP, online=False)}, "offline  switched off"),
        ({"hub": replace(HUB, online=False)}, "waiting  hub Corp is offline"),
        ({"owner": None}, "waiting  no node has its hub yet"),
        ({"owner": replace(OWNER, node="")}, "waiting  no node has its hub yet"),
        ({"alive": False}, "waiting  no node has its hub yet"),
        ({"status": None}, "waiting gw1 node gw1 is about to start it"),
        ({"status": replace(TOLD, epoch=29)}, "waiting gw1 node gw1 is about to start it"),
        ({"status": replace(TOLD, node="gw2")}, "waiting gw1 node gw1 is about to start it"),
        ({"cascade": replace(UP, version=8)}, "waiting gw1 node gw1 is about to learn of"),
    ],
)
def test_what_is_no_longer_true_is_not_told(changes, said):
    assert judged(**changes).startswith(said)
