"""Calls about a hub's access list, and from which addresses clients may log in.

A rule is known by the number the store gave it, under `Id` and `UniqueId` alike; it stays while
others come and go. Source: spec 3.4, 6.3, 7.4.
"""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

from coordinator.access import ANY_PORT, AccessRule
from coordinator.masks import MAC, Masked
from coordinator.sources import SourceRule
from gateway.admin import access
from gateway.admin.rpc.method import Call, Method, Who, refusal
from gateway.wire.codes import ErrorCode
from gateway.wire.fields import Address
from gateway.wire.rpc_struct import Values

# What stands in the IPv4 fields of a rule about IPv6.
V6_ADDRESS, V6_MASK = IPv4Address("223.255.255.253"), IPv4Address("255.255.255.255")
ANY_V4, ANY_V6 = IPv4Address(0), bytes(16)


def add_access(call: Call) -> Values:
    """Add one rule, which travels as arrays of one. Told twice, as tools do when an answer is lost,
    it is there once."""
    row = {name: value[0] for name, value in call.values.items() if isinstance(value, list)}
    rule = _rule(call, row)
    most = call.administration.options.get("max_accesslists", 0)
    made = access.add(call.fleet, call.hub.name, rule, call.now, most=most)
    return {"HubName": call.hub.name, **{name: [value] for name, value in _row(made).items()}}


def delete_access(call: Call) -> Values:
    access.delete(call.fleet, call.hub.name, [call.number("Id")], call.now)
    return {"HubName": call.hub.name, "Id": call.number("Id")}


def enum_access(call: Call) -> Values:
    rules = access.rules(call.fleet, call.hub.name).rules
    return {"HubName": call.hub.name, "AccessList": [_row(rule) for rule in rules]}


def set_access_list(call: Call) -> Values:
    """Replace the whole list in one step; a rule that is there already keeps its number."""
    rules = [
        replace(_rule(call, row), id=row.get("UniqueId", 0)) for row in call.rows("AccessList")
    ]
    call.limit("max_accesslists", len(rules), ErrorCode.TOO_MANY_ACCESS_RULES)
    made = access.replace_all(call.fleet, call.hub.name, rules, call.now)
    return {"HubName": call.hub.name, "AccessList": [_row(rule) for rule in made]}


def get_ac_list(call: Call) -> Values:
    rules = access.sources(call.fleet, call.hub.name).rules
    rows = [_source_row(number, rule) for number, rule in enumerate(rules, 1)]
    return {"HubName": call.hub.name, "NumItem": len(rows), "ACList": rows}


def set_ac_list(call: Call) -> Values:
    """Replace all source rules in one step; a rule is known by its place in the list."""
    rules = [_source_rule(row) for row in call.rows("ACList")]
    made = access.replace_sources(call.fleet, call.hub.name, rules, call.now)
    rows = [_source_row(number, rule) for number, rule in enumerate(made, 1)]
    return {"HubName": call.hub.name, "NumItem": len(rows), "ACList": rows}


# -- rules --------------------------------------------------------------------------------------


def _rule(call: Call, row: dict[str, Any]) -> AccessRule:
    """Return the rule in a request. Zeros are "any"; a priority below 1 is 1."""
    is_ipv6 = bool(row.get("IsIPv6"))
    shapes = not call.administration.options.get("no_delay_jitter_packet_loss")
    return AccessRule(
        priority=max(1, row.get("Priority", 0)),
        discard=bool(row.get("Discard")),
        active=bool(row.get("Active")),
        note=row.get("Note", ""),
        is_ipv6=is_ipv6,
        source=_network(row, "Src", is_ipv6),
        destination=_network(row, "Dest", is_ipv6),
        protocol=row.get("Protocol", 0),
        source_ports=(row.get("SrcPortStart", 0), row.get("SrcPortEnd", 0)),
        destination_ports=(row.get("DestPortStart", 0), row.get("DestPortEnd", 0)),
        source_user=row.get("SrcUsername", ""),
        destination_user=row.get("DestUsername", ""),
        source_mac=_stations(row, "Src") if row.get("CheckSrcMac") else None,
        destination_mac=_stations(row, "Dst") if row.get("CheckDstMac") else None,
        established=bool(row.get("Established")) if row.get("CheckTcpState") else None,
        delay_ms=row.get("Delay", 0) if shapes else 0,
        jitter_percent=row.get("Jitter", 0) if shapes else 0,
        loss_percent=row.get("Loss", 0) if shapes else 0,
        redirect_url=row.get("RedirectUrl", ""),
    )


def _network(row: dict[str, Any], side: str, is_ipv6: bool) -> Masked | None:
    if is_ipv6:
        address = row.get(f"{side}IpAddress6", ANY_V6)
        mask = row.get(f"{side}SubnetMask6", ANY_V6)
    else:
        address = _v4(row.get(f"{side}IpAddress", ANY_V4)).packed
        mask = _v4(row.get(f"{side}SubnetMask", ANY_V4)).packed
    return Masked(address, mask) if any(mask) else None


def _v4(address: Address) -> IPv4Address:
    if not isinstance(address, IPv4Address):
        raise refusal(ErrorCode.INVALID_PARAMETER, f"{address}: an IPv4 address is wanted here")
    return address


def _stations(row: dict[str, Any], side: str) -> Masked:
    address, mask = (row.get(f"{side}Mac{what}", bytes(MAC)) for what in ("Address", "Mask"))
    return Masked(address, mask)


def _row(rule: AccessRule) -> dict[str, Any]:
    return {
        "Id": rule.id,
        "UniqueId": rule.id,
        "Note": rule.note,
        "Active": rule.active,
        "Priority": rule.priority,
        "Discard": rule.discard,
        **_network_values("Src", rule.source, rule.is_ipv6),
        **_network_values("Dest", rule.destination, rule.is_ipv6),
        "Protocol": rule.protocol,
        **_port_values("Src", rule.source_ports),
        **_port_values("Dest", rule.destination_ports),
        "SrcUsername": rule.source_user,
        "DestUsername": rule.destination_user,
        **_station_values("Src", rule.source_mac),
        **_station_values("Dst", rule.destination_mac),
        "CheckTcpState": rule.established is not None,
        "Established": bool(rule.established),
        "Delay": rule.delay_ms,
        "Jitter": rule.jitter_percent,
        "Loss": rule.loss_percent,
        "IsIPv6": rule.is_ipv6,
        "RedirectUrl": rule.redirect_url,
    }


def _network_values(side: str, network: Masked | None, is_ipv6: bool) -> dict[str, Any]:
    address, mask = (network.address, network.mask) if network is not None else (b"", b"")
    v4 = (V6_ADDRESS, V6_MASK) if is_ipv6 else (_as_v4(address), _as_v4(mask))
    v6 = (address, mask) if is_ipv6 and network is not None else (ANY_V6, ANY_V6)
    return {
        f"{side}IpAddress": v4[0],
        f"{side}SubnetMask": v4[1],
        f"{side}IpAddress6": v6[0],
        f"{side}SubnetMask6": v6[1],
    }


def _as_v4(raw: bytes) -> IPv4Address:
    return IPv4Address(raw or bytes(4))


def _port_values(side: str, ports: tuple[int, int]) -> dict[str, Any]:
    first, last = ports if ports != ANY_PORT else (0, 0)
    return {f"{side}PortStart": first, f"{side}PortEnd": last}


def _station_values(side: str, stations: Masked | None) -> dict[str, Any]:
    return {
        f"Check{side}Mac": stations is not None,
        f"{side}MacAddress": stations.address if stations is not None else bytes(MAC),
        f"{side}MacMask": stations.mask if stations is not None else bytes(MAC),
    }


def _source_rule(row: dict[str, Any]) -> SourceRule:
    address: Address = row.get("IpAddress", ANY_V4)
    mask: Address = row.get("SubnetMask", ANY_V4)
    whole = b"\xff" * len(address.packed)
    network = Masked(address.packed, mask.packed if row.get("Masked") else whole)
    return SourceRule(network, bool(row.get("Deny")), max(1, row.get("Priority", 0)))


def _source_row(number: int, rule: SourceRule) -> dict[str, Any]:
    network = rule.network
    return {
        "Id": number,
        "Deny": rule.deny,
        "IpAddress": _address(network.address),
        "Masked": not network.is_one,
        "SubnetMask": ANY_V4 if network.is_one else _address(network.mask),
        "Priority": rule.priority,
    }


def _address(raw: bytes) -> Address:
    return ip_address(raw)


_CHANGE, _SOURCES = ("no_change_access_list",), ("no_change_access_control_list",)

METHODS = (
    Method("AddAccess", Who.HUB, add_access, forbidden_by=_CHANGE),
    Method("DeleteAccess", Who.HUB, delete_access, forbidden_by=_CHANGE),
    Method("EnumAccess", Who.HUB, enum_access, changes=False),
    Method("SetAccessList", Who.HUB, set_access_list, forbidden_by=_CHANGE),
    Method("GetAcList", Who.HUB, get_ac_list, changes=False),
    Method("SetAcList", Who.HUB, set_ac_list, forbidden_by=_SOURCES),
)
