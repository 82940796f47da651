"""What the host's network looks like now, as far as our device is concerned: `ip -json`, read.

Source: `ip -json address show`, `ip -json route show` of iproute2 6.1. Limits: the main routing
table, and of a multipath route its first hop; policy rules (`ip rule`) are not looked at.
"""

import ipaddress
import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

from gateway.client.route import Route
from gateway.errors import EtherFleetError

OURS = "239"  # the routing protocol our routes are marked with (0xEF); unassigned in rtnetlink.h

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface


class HostLinkError(EtherFleetError):
    """A command about the host's network failed; the text names it and what it said."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A route of the main table."""

    route: Route
    device: str
    protocol: str = ""
    metric: int = 0

    @property
    def is_ours(self) -> bool:
        return self.protocol == OURS


@dataclass(frozen=True, slots=True)
class HostState:
    """One look at the host. A device that is missing is down, without addresses."""

    is_up: bool = False
    mtu: int = 0
    addresses: frozenset[Interface] = frozenset()
    """The device's, except the IPv6 ones the kernel makes itself."""
    routes: tuple[Installed, ...] = ()
    """The whole main table, both families."""

    def underlay(self, address: Address, device: str) -> Installed | None:
        """Return the route that `address` would take if `device` were not there."""
        candidates = [
            r
            for r in self.routes
            if r.device != device
            and r.route.destination.version == address.version
            and address in r.route.destination
            and not (r.is_ours and r.route.destination.num_addresses == 1)
        ]
        return min(candidates, key=_preference, default=None)


def _preference(installed: Installed) -> tuple[int, int]:
    return -installed.route.destination.prefixlen, installed.metric


def parse_state(links: str, routes_v4: str, routes_v6: str) -> HostState:
    """Return the state told by `ip -json address show dev X` and by two `ip -json route show`."""
    link: Mapping[str, Any] = next(iter(_records(links)), {})
    found = [_installed(record, "0.0.0.0/0") for record in _records(routes_v4)]
    found += [_installed(record, "::/0") for record in _records(routes_v6)]
    return HostState(
        is_up="UP" in link.get("flags", []),
        mtu=link.get("mtu", 0),
        addresses=frozenset(_addresses(link.get("addr_info", []))),
        routes=tuple(route for route in found if route is not None),
    )


def read_state(device: str, netns: str | None = None) -> HostState:
    """Look at the host, or at the namespace given by name or path. Raises HostLinkError."""
    return parse_state(
        run_ip(["-json", "address", "show", "dev", device], netns),
        run_ip(["-json", "-4", "route", "show"], netns),
        run_ip(["-json", "-6", "route", "show"], netns),
    )


def ip_command(arguments: Sequence[str], netns: str | None = None) -> list[str]:
    """Return the argv that runs `ip ARGUMENTS` in a namespace; None is ours."""
    if netns is None:
        return ["ip", *arguments]
    if "/" in netns:  # `ip -netns` knows names only
        return ["nsenter", f"--net={netns}", "ip", *arguments]
    return ["ip", "-netns", netns, *arguments]


def run_ip(arguments: Sequence[str], netns: str | None = None) -> str:
    """Run one `ip` command and return what it printed. Raises HostLinkError."""
    command = ip_command(arguments, netns)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise HostLinkError(
            f"cannot run {command[0]}: {error.strerror}; install iproute2"
        ) from error
    if done.returncode:
        raise HostLinkError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def _records(text: str) -> list[dict[str, Any]]:
    return [r for r in json.loads(text or "[]") if r]  # older iproute2 prints empty objects


def _addresses(infos: Iterable[Mapping[str, Any]]) -> Iterable[Interface]:
    for info in infos:
        address = ipaddress.ip_interface(f"{info['local']}/{info['prefixlen']}")
        if not (address.version == 6 and (address.is_link_local or info.get("dynamic"))):
            yield address


def _installed(record: Mapping[str, Any], default: str) -> Installed | None:
    """Return the route, or None for one that leads nowhere (unreachable, blackhole, dead link)."""
    hop = record.get("nexthops", [record])[0]
    is_usable = record.get("type", "unicast") == "unicast" and "dead" not in hop.get("flags", [])
    if not is_usable or "dev" not in hop:
        return None
    via = hop.get("gateway") or hop.get("via", {}).get("host")
    destination = default if record["dst"] == "default" else record["dst"]
    return Installed(
        Route(ipaddress.ip_network(destination), ipaddress.ip_address(via) if via else None),
        hop["dev"],
        str(record.get("protocol", "")),
        int(record.get("metric", 0)),
    )
