"""Calls of our own, on a real store without a gateway: what is shown to whom, and what moves."""

from dataclasses import replace

import pytest

from coordinator.fleet import Fleet
from coordinator.model import Hub, Node, NodeMode
from coordinator.times import Timestamp
from gateway.admin.rpc.method import Context
from gateway.wire.codes import ErrorCode
from tests.admin_calls import ADMINISTRATOR, ask, code, furnish, hub_admin
from tests.contract.values import NODE, NOW

LATER = Timestamp("2026-02-01T00:00:00.000Z")
LOOKS = ("GetFleetStatus", "EnumFleetHub", "EnumFleetSession", "EnumFleetEvent")


@pytest.fixture
def context(fleet: Fleet) -> Context:
    return furnish(fleet)


def second_node(context: Context) -> Node:
    """Let another gateway in, with room for everything."""
    other = replace(NODE, id="node-2")
    context.fleet.leases.register(other, 0.0, NOW)
    return other


def test_the_whole_fleet_is_shown_to_its_administrator(context: Context) -> None:
    status = ask(context, "GetFleetStatus").values
    assert (status["NumHubs"], status["NumNodesUp"], status["HubName"]) == (5, 1, "")
    (node,) = ask(context, "EnumFleetNode").values["NodeList"]
    assert (node["Name"], node["State"], node["IsAnswering"]) == ("node-1", "up", True)
    hubs = {row["HubName"]: row for row in ask(context, "EnumFleetHub").values["HubList"]}
    assert sorted(hubs) == ["D1", "J1", "S1", "T1", "T2"]
    assert (hubs["T1"]["NodeName"], hubs["S1"]["State"]) == ("node-1", "static")
    sessions = ask(context, "EnumFleetSession").values
    assert sessions["NumSessions"] == len(sessions["SessionList"]) == 5
    assert {row["NodeName"] for row in sessions["SessionList"]} == {"node-1"}
    (one,) = ask(context, "EnumFleetSession", HubName_str="t2").values["SessionList"]
    assert (one["SessionHubName"], one["Username"], one["IsAnswering"]) == ("T2", "cas", True)
    events = ask(context, "EnumFleetEvent", Last_u32=3).values["EventList"]
    assert [event["What"] for event in events] == ["active", "grant", "active"]


def test_every_answer_is_told_in_packs_and_in_json_alike(context: Context) -> None:
    for name in (*LOOKS, "EnumFleetNode"):
        answer = ask(context, name)
        assert answer.to_json()
        assert answer.elements()
        assert not answer.is_change


def test_a_hub_s_administrator_is_shown_his_hub(context: Context) -> None:
    caller = hub_admin(context)
    status = ask(context, "GetFleetStatus", caller).values
    assert (status["HubName"], status["FleetName"], status["NumSessions"]) == ("T1", "", 1)
    (hub,) = ask(context, "EnumFleetHub", caller).values["HubList"]
    assert (hub["HubName"], hub["NodeName"]) == ("T1", "")
    (session,) = ask(context, "EnumFleetSession", caller).values["SessionList"]
    assert (session["SessionHubName"], session["NodeName"]) == ("T1", "")
    events = ask(context, "EnumFleetEvent", caller).values["EventList"]
    assert [event["Why"] for event in events] == [
        "a gateway was given the hub",
        "the hub is served",
    ]
    for name in LOOKS:
        said = str(ask(context, name, caller).to_json())
        assert not any(word in said for word in ("T2", "t2", "S1", "D1", "node-1")), name
    for name in ("EnumFleetSession", "EnumFleetEvent"):
        assert code(context, name, caller, HubName_str="T2") == ErrorCode.NOT_ENOUGH_RIGHTS
        assert code(context, name, caller, HubName_str="NONE") == ErrorCode.NOT_ENOUGH_RIGHTS
    for name in ("EnumFleetNode", "SetFleetNodeMode", "MoveFleetHub"):
        asked = {"HubName_str": "T1", "NodeName_str": "node-1", "Mode_str": "draining"}
        assert code(context, name, caller, **asked) == ErrorCode.NOT_ENOUGH_RIGHTS
    context.fleet.administration.set_hub("T1", NOW, options={"no_enum_session": 1})
    assert code(context, "EnumFleetSession", caller) == ErrorCode.NOT_ENOUGH_RIGHTS


def test_what_befell_a_former_hub_of_the_name_is_not_told(context: Context) -> None:
    context.fleet.directory.delete_hub("T1")
    context.fleet.directory.create_hub(Hub("T1"), LATER)
    caller = hub_admin(context)
    assert ask(context, "EnumFleetEvent", caller).values["EventList"] == []
    assert ask(context, "EnumFleetSession", caller).values["SessionList"] == []


def test_a_gateway_is_drained_only_if_another_can_take_over(context: Context) -> None:
    asked = {"NodeName_str": "NODE-1", "Mode_str": "draining", "Rate_u32": 7}
    assert code(context, "SetFleetNodeMode", **asked) == ErrorCode.INVALID_PARAMETER
    second_node(context)
    assert code(context, "SetFleetNodeMode", **asked) == 0
    node = context.fleet.nodes.node("node-1")
    assert node is not None
    assert (node.mode, node.drain_rate) == (NodeMode.DRAINING, 7)
    (change,) = context.fleet.audit.latest(1)
    assert (change.what, change.about, change.actor.name) == ("node set", "node-1", "administrator")
    assert code(context, "SetFleetNodeMode", NodeName_str="node-1", Mode_str="off") == 38
    assert code(context, "SetFleetNodeMode", NodeName_str="node-9", Mode_str="serving") == 29
    assert code(context, "SetFleetNodeMode", Mode_str="serving") == 38


def test_a_hub_is_moved_to_a_gateway_that_can_take_it(context: Context) -> None:
    assert code(context, "MoveFleetHub", HubName_str="T1") == ErrorCode.INVALID_PARAMETER
    other = second_node(context)
    assert code(context, "MoveFleetHub", HubName_str="S1") == ErrorCode.INVALID_PARAMETER
    assert code(context, "MoveFleetHub", HubName_str="NONE") == ErrorCode.HUB_NOT_FOUND
    assert code(context, "MoveFleetHub", HubName_str="T1", NodeName_str="node-9") == 29
    assert code(context, "MoveFleetHub", HubName_str="t1", NodeName_str=other.id) == 0
    (change,) = context.fleet.audit.latest(1)
    assert (change.what, change.hub, change.after) == ("hub move", "T1", {"node": "node-2"})
    before = len(context.fleet.audit.latest(100))
    assert code(context, "MoveFleetHub", HubName_str="T1", NodeName_str="node-1") == 0
    assert len(context.fleet.audit.latest(100)) == before  # it is there already


def test_who_may_only_look_moves_nothing(context: Context) -> None:
    second_node(context)
    looker = replace(ADMINISTRATOR, is_read_only=True)
    assert ask(context, "GetFleetStatus", looker).values["MayChange"] is False
    drain = {"NodeName_str": "node-1", "Mode_str": "draining"}
    assert code(context, "SetFleetNodeMode", looker, **drain) == ErrorCode.NOT_ENOUGH_RIGHTS
    assert code(context, "MoveFleetHub", looker, HubName_str="T1") == ErrorCode.NOT_ENOUGH_RIGHTS


def test_names_that_are_no_names_are_refused(context: Context) -> None:
    for hub in ("<img>", "x" * 300, "a:b", "\ud800"):
        found = code(context, "EnumFleetSession", ADMINISTRATOR, HubName_str=hub)
        assert found in (ErrorCode.INVALID_PARAMETER, ErrorCode.HUB_NOT_FOUND), hub
