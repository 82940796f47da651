"""Calls about groups of users."""

from dataclasses import replace
from typing import Any

from coordinator.groups import Group
from gateway.admin import groups
from gateway.admin.groups import GroupReport
from gateway.admin.rpc.convert import policy_values
from gateway.admin.rpc.method import Call, Method, Who
from gateway.admin.rpc.users import own_policy
from gateway.wire.rpc_struct import Values


def create_group(call: Call) -> Values:
    most = call.administration.options.get("max_groups", 0)
    blank = Group(call.hub.name, call.text("Name"))
    return _values(groups.store_new(call.fleet, _replaced(call, blank), call.now, most=most))


def set_group(call: Call) -> Values:
    changed = groups.replace_by(
        call.fleet,
        call.hub.name,
        call.text("Name"),
        lambda found: _replaced(call, found),
        call.now,
    )
    return _values(changed)


def get_group(call: Call) -> Values:
    return _values(groups.find(call.fleet, call.hub.name, call.text("Name")))


def delete_group(call: Call) -> Values:
    """Delete a group; its members are in none then."""
    groups.delete(call.fleet, call.hub.name, call.text("Name"))
    return {"HubName": call.hub.name, "Name": call.text("Name")}


def enum_group(call: Call) -> Values:
    rows = [_row(report) for report in groups.reports(call.fleet, call.hub.name)]
    return {"HubName": call.hub.name, "GroupList": rows}


def _replaced(call: Call, group: Group) -> Group:
    return replace(
        group,
        real_name=call.text("Realname"),
        note=call.text("Note"),
        policy=own_policy(call),
    )


def _values(group: Group) -> Values:
    """Traffic is counted for hubs and users only."""
    found: Values = {
        "HubName": group.hub,
        "Name": group.name,
        "Realname": group.real_name,
        "Note": group.note,
    }
    return found | ({"UsePolicy": True, **policy_values(group.policy)} if group.policy else {})


def _row(report: GroupReport) -> dict[str, Any]:
    group = report.group
    return {
        "Name": group.name,
        "Realname": group.real_name,
        "Note": group.note,
        "NumUsers": len(report.members),
        "DenyAccess": group.policy.get("Access", 1) == 0,
    }


_CHANGE = ("no_change_groups",)

METHODS = (
    Method("CreateGroup", Who.HUB, create_group, needs=("Name",), forbidden_by=_CHANGE),
    Method("SetGroup", Who.HUB, set_group, needs=("Name",), forbidden_by=_CHANGE),
    Method("GetGroup", Who.HUB, get_group, needs=("Name",), changes=False),
    Method("DeleteGroup", Who.HUB, delete_group, needs=("Name",), forbidden_by=_CHANGE),
    Method("EnumGroup", Who.HUB, enum_group, changes=False),
)
