"""Policies an operator may set for a user or group: names, values, and who acts on them today.

The names are those of the wire, which SoftEther's own tools use as well. All of them can be stored
and are told to the client; `Enforced` says what happens beyond that, so that nobody relies on a
wall that is not there.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from coordinator.errors import InvalidValue
from gateway.wire.policy import WIRE_NAMES, Policy

MAX_NUMBER = 0xFFFF_FFFF
DEFAULT = "default"  # the value that takes a setting back
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


class Enforced(Enum):
    """Who acts on a policy."""

    GATEWAY = "by the gateway"
    CLIENT = "by the client"
    NOBODY = "not yet"


@dataclass(frozen=True, slots=True)
class PolicyKind:
    """One policy. `most` is 1 for a yes or no."""

    name: str
    default: int
    most: int
    enforced: Enforced
    meaning: str = ""
    """For those somebody acts on."""

    @property
    def is_flag(self) -> bool:
        return self.most == 1


_MEANINGS = {
    "Access": "may log in; without it sessions end",
    "NoBridge": "few MAC addresses, as for every plain client; with NoRouting no bridge mode",
    "NoRouting": "few IPv4 addresses; with NoBridge no bridge mode",
    "MonitorPort": "may join in monitoring mode and see all frames",
    "NoBroadcastLimiter": "broadcasts are not limited",
    "MaxConnection": "TCP connections of one session, 1 to 32",
    "TimeOut": "seconds of silence after which a connection is given up, from the next login on",
    "MaxMac": "MAC addresses behind one session; 0: no limit",
    "MaxIP": "IPv4 addresses behind one session, at least 4; 0: no limit",
    "MaxIPv6": "IPv6 addresses behind one session, at least 5; 0: no limit",
    "MultiLogins": "sessions at once from other machines; 0: no limit",
    "MaxUpload": "bit/s from the client; 0: no limit",
    "MaxDownload": "bit/s to the client; 0: no limit",
    "DHCPFilter": "no DHCP in either direction",
    "DHCPNoServer": "may not answer DHCP",
    "DHCPForce": "only IPv4 addresses that a DHCP server gave",
    "DHCPv6Filter": "no DHCPv6 in either direction",
    "DHCPv6NoServer": "may not answer DHCPv6",
    "ArpDhcpOnly": "no broadcasts but ARP, DHCP and ICMPv6",
    "PrivacyFilter": "no frames between two sessions that both have it",
    "NoServer": "may not accept TCP connections over IPv4",
    "NoServerV6": "may not accept TCP connections over IPv6",
    "CheckMac": "no MAC address that another session uses",
    "CheckIP": "no IPv4 address that another session uses",
    "CheckIPv6": "no IPv6 address that another session uses",
    "NoRoutingV6": "at most 15 IPv6 addresses",
    "RSandRAFilter": "no router solicitations and advertisements in either direction",
    "RAFilter": "may not send router advertisements",
    "FilterIPv4": "no IPv4 and no ARP in either direction",
    "FilterIPv6": "no IPv6 in either direction",
    "FilterNonIP": "nothing but IPv4, ARP and IPv6 in either direction",
    "NoIPv6DefaultRouterInRA": "routers that advertise themselves are not its default",
    "NoIPv6DefaultRouterInRAWhenIPv6": "the same for clients that reach us by IPv6",
    "FixPassword": "may not change the password",
    "VLanId": "its frames are in this VLAN of the hub, and it gets those alone",
    "AutoDisconnect": "seconds after which the client leaves; it is ended if it does not. 0: never",
}
_BY_CLIENT = {"NoSavePassword": "the client forgets the password"}
_LIMITS = {"MaxConnection": 32, "VLanId": 4095}
_NOT_SETTABLE = ("Ver3",)  # says which policies exist, is none


def _kinds() -> dict[str, PolicyKind]:
    # A user's default lets bridges in; a plain client's session takes that back at login.
    default = Policy(no_bridge=False, no_routing=False)
    found = {}
    for field, name in WIRE_NAMES.items():
        value = getattr(default, field)
        most = 1 if isinstance(value, bool) else _LIMITS.get(name, MAX_NUMBER)
        enforced, meaning = _effect(name)
        if name not in _NOT_SETTABLE:
            found[name] = PolicyKind(name, int(value), most, enforced, meaning)
    return found


def _effect(name: str) -> tuple[Enforced, str]:
    if name in _MEANINGS:
        return Enforced.GATEWAY, _MEANINGS[name]
    if name in _BY_CLIENT:
        return Enforced.CLIENT, _BY_CLIENT[name]
    return Enforced.NOBODY, ""


POLICIES: Mapping[str, PolicyKind] = _kinds()
_BY_LOWER = {name.lower(): name for name in POLICIES}


def read_policy_setting(text: str) -> tuple[str, int | None]:
    """Return (name, value) of `NAME=VALUE`; None for the value `default`. Raises InvalidValue.

    Names are accepted in any case, yes and no in the usual words.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    kind = find_policy(name)
    if not equals or not value:
        example = "yes" if kind.is_flag else str(min(kind.most, 8))
        raise InvalidValue(f"policy {kind.name} has no value; write {kind.name}={example}")
    return kind.name, None if value.lower() == DEFAULT else _number(kind, value)


def find_policy(name: str) -> PolicyKind:
    """Return a policy by name in any case. Raises InvalidValue with names that come close."""
    found = _BY_LOWER.get(name.lower())
    if found is not None:
        return POLICIES[found]
    close = difflib.get_close_matches(name.lower(), _BY_LOWER, n=3, cutoff=0.55)
    near = ", ".join(_BY_LOWER[match] for match in close)
    advice = f"did you mean {near}?" if near else f"for example {', '.join(list(POLICIES)[:4])}"
    raise InvalidValue(f"no policy named {name!r}; {advice}")


def merge(stored: Mapping[str, int], changes: Mapping[str, int | None]) -> dict[str, int]:
    """Return `stored` with `changes` made; only what differs from the default is kept."""
    merged = {**stored, **{name: n for name, n in changes.items() if n is not None}}
    reset = {name for name, number in changes.items() if number is None}
    return {name: n for name, n in merged.items() if name not in reset and not _is_default(name, n)}


def not_enforced(policy: Iterable[str]) -> list[str]:
    """Return the names in `policy` that nobody acts on yet."""
    return [n for n in policy if n in POLICIES and POLICIES[n].enforced is Enforced.NOBODY]


def _is_default(name: str, number: int) -> bool:
    return name in POLICIES and POLICIES[name].default == number


def _number(kind: PolicyKind, value: str) -> int:
    if kind.is_flag:
        if value.lower() in _TRUE:
            return 1
        if value.lower() in _FALSE:
            return 0
        raise InvalidValue(f"policy {kind.name} is {value!r}: yes or no is wanted")
    if not value.isascii() or not value.isdigit() or int(value) > kind.most:
        raise InvalidValue(f"policy {kind.name} is {value!r}: 0 to {kind.most} allowed")
    return int(value)
