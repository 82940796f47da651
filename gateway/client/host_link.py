"""The host's side of a session: desired state in, `ip` commands out.

`plan` compares what should be with what is and returns the commands that make the difference; with
nothing to change it returns none, so it may be called after every renewal. `apply` runs them.

A default route through the session is two halves (0.0.0.0/1 and 128.0.0.0/1): they win over the
host's own default route without touching it, and vanish with the device, so nothing has to be put
back even after a kill. Frames to the gateway itself must not enter the session they carry: if any
of our routes covers its address, that address gets a host route along the way it takes without us.
That is the one thing that outlives the device; `plan_removal` takes it away, or after a kill the
next run that names the same address. Our routes carry their own protocol number, and only routes
that carry it are ever removed; a route of the host's own to the same place is left (`conflicts`).

DNS is left alone: what the lease says about it is for the caller to show.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from gateway.client.dhcp_lease import Lease
from gateway.client.host_state import OURS, Address, HostState, Installed, Interface, run_ip
from gateway.client.route import Route

Plan = list[list[str]]
"""Arguments of `ip`, one command each, in order."""

IPV6_METRIC = 1024  # what the kernel gives an IPv6 route that names none


@dataclass(frozen=True, slots=True)
class HostLink:
    """What should be. Addresses on the device that are not listed are taken off."""

    device: str
    addresses: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    """Default routes among them are used only with `default_route`."""
    mtu: int = 1500
    default_route: bool = False
    keep_reachable: tuple[Address, ...] = ()
    """Every address of the gateway that was used, if it is reached from the device's namespace."""


def link_from_lease(
    device: str,
    lease: Lease,
    *,
    mtu: int = 1500,
    default_route: bool = False,
    accept_routes: bool = True,
    keep_reachable: Iterable[Address] = (),
) -> HostLink:
    """Return the link a DHCP lease asks for; `mtu` is the most the device can do.

    Without `accept_routes` the server of the hub decides about the hub's own subnet only.
    """
    routes = tuple(r for r in lease.routes if accept_routes or (r.is_default and default_route))
    return HostLink(
        device,
        (lease.address,),
        routes,
        min(mtu, lease.mtu or mtu),
        default_route,
        tuple(keep_reachable),
    )


def plan(link: HostLink, state: HostState) -> Plan:
    """Return the commands that lead from `state` to `link`; [] if it is reached.

    Old addresses go before new ones come: an address in the subnet of an older one is its
    secondary, and the kernel deletes secondaries together with their primary.
    """
    routes = [r for r in _wanted_routes(link) if not _is_taken(r, link, state)]
    protection = _protection(link, routes, state)
    stale = sorted(state.addresses - set(link.addresses), key=str)
    # What a lost address or a link that was down may have taken along is simply set again.
    present = {i.route for i in state.routes if i.device == link.device}
    present = set() if stale or not state.is_up else present
    commands = [_remove(i) for i in _ours_on(link, state) if i.route not in routes]
    commands += [["address", "delete", str(a), "dev", link.device] for a in stale]
    if state.mtu != link.mtu:
        commands.append(["link", "set", "dev", link.device, "mtu", str(link.mtu)])
    missing = [a for a in link.addresses if stale or a not in state.addresses]
    commands += [_set_address(address, link.device) for address in missing]
    if not state.is_up:
        commands.append(["link", "set", "dev", link.device, "up"])
    # Protection comes before what it protects from, and goes after it.
    in_place = {(i.route, i.device): i for i in _old_protection(link, state)}
    commands += [_set_route(*wanted) for wanted in protection if wanted not in in_place]
    commands += [_set_route(r, link.device, link.addresses) for r in routes if r not in present]
    commands += [_remove(old) for key, old in in_place.items() if key not in protection]
    return commands


def plan_removal(link: HostLink, state: HostState) -> Plan:
    """Return the commands that undo `link`, whatever of it is there.

    If the device has gone already, `state` shows no addresses, and only protection is left.
    """
    return [
        *(_remove(i) for i in _ours_on(link, state)),
        *(_remove(i) for i in _old_protection(link, state)),
        *(
            ["address", "delete", str(address), "dev", link.device]
            for address in link.addresses
            if address in state.addresses
        ),
        *([["link", "set", "dev", link.device, "down"]] if state.is_up else []),
    ]


def conflicts(link: HostLink, state: HostState) -> list[Route]:
    """Return the wanted routes that `plan` leaves out: the host has its own to the same place."""
    return [r for r in _wanted_routes(link) if _is_taken(r, link, state)]


def describe(commands: Plan) -> str:
    """Return the plan as a person would type it, one command per line."""
    return "\n".join(shlex.join(["ip", *command]) for command in commands)


def apply(commands: Plan, netns: str | None = None) -> None:
    """Run the commands in order. Raises HostLinkError at the first that fails."""
    for command in commands:
        run_ip(command, netns)


def _wanted_routes(link: HostLink) -> list[Route]:
    """Return the routes to install, each destination once, a default one as two halves."""
    wanted: dict[IPv4Network | IPv6Network, Route] = {}
    for route in link.routes:
        if not route.is_default:
            wanted.setdefault(route.destination, route)
        elif link.default_route:
            for half in route.destination.subnets():
                wanted.setdefault(half, Route(half, route.gateway))
    return list(wanted.values())


def _is_taken(route: Route, link: HostLink, state: HostState) -> bool:
    """Say whether setting `route` would overwrite one of the host's own."""
    metric = 0 if route.destination.version == 4 else IPV6_METRIC
    return any(
        i.route.destination == route.destination and i.metric == metric and i.device != link.device
        for i in state.routes
    )


def _protection(
    link: HostLink, routes: Sequence[Route], state: HostState
) -> list[tuple[Route, str]]:
    """Return the host routes, with their devices, that keep the gateway reachable without us."""
    covered = [r.destination for r in routes] + [a.network for a in link.addresses]
    found = []
    for address in link.keep_reachable:
        path = state.underlay(address, link.device)
        host = ip_network(address)
        # A host route of the host's own is protection enough, and not ours to remove later.
        if path is None or path.route.destination == host:
            continue
        if any(address in network for network in covered):
            found.append((Route(host, path.route.gateway), path.device))
    return found


def _old_protection(link: HostLink, state: HostState) -> list[Installed]:
    """Return our host routes to the gateway that are there, perhaps left by a killed process."""
    hosts = {ip_network(address) for address in link.keep_reachable}
    return [
        i
        for i in state.routes
        if i.is_ours and i.device != link.device and i.route.destination in hosts
    ]


def _ours_on(link: HostLink, state: HostState) -> list[Installed]:
    return [i for i in state.routes if i.is_ours and i.device == link.device]


def _set_address(address: Interface, device: str) -> list[str]:
    has_broadcast = address.version == 4 and address.network.prefixlen < 31
    broadcast = ["broadcast", "+"] if has_broadcast else []
    return ["address", "replace", str(address), *broadcast, "dev", device]


def _set_route(route: Route, device: str, addresses: Sequence[Interface] = ()) -> list[str]:
    """Return the command that installs a route; `addresses` are those of its device, if ours."""
    is_far = addresses and route.gateway and not any(route.gateway in a.network for a in addresses)
    # A gateway outside the subnet: some servers hand out /32 addresses and mean it.
    onlink = ["onlink"] if is_far else []
    return ["route", "replace", *_hop(route), "dev", device, "proto", OURS, *onlink]


def _remove(installed: Installed) -> list[str]:
    return ["route", "delete", *_hop(installed.route), "dev", installed.device, "proto", OURS]


def _hop(route: Route) -> list[str]:
    if route.gateway is None:
        return [str(route.destination)]
    is_mixed = route.gateway.version != route.destination.version  # IPv4 by way of an IPv6 router
    return [str(route.destination), "via", *(["inet6"] if is_mixed else []), str(route.gateway)]
