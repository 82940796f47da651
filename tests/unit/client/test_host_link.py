"""Plans for the host's network, compared as text."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network
from textwrap import dedent

import pytest

from gateway.client.dhcp_lease import Lease
from gateway.client.host_link import (
    HostLink,
    conflicts,
    describe,
    link_from_lease,
    plan,
    plan_removal,
)
from gateway.client.host_state import HostState, Installed, ip_command, parse_state
from gateway.client.route import Route

# What iproute2 6.1 printed; the host's own network, then a TAP device in three conditions.
HOST_ROUTES = """[
 {"dst":"default","gateway":"192.0.2.1","dev":"eth0","protocol":"dhcp","metric":100,"flags":[]},
 {"dst":"192.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.0.2.2",
  "metric":100,"flags":[]},
 {"type":"unreachable","dst":"203.0.113.0/24","flags":[]}]"""
HOST_ROUTES_V6 = """[
 {"dst":"2001:db8::/64","dev":"eth0","protocol":"kernel","metric":256,"flags":[],"pref":"medium"},
 {"dst":"default","gateway":"fe80::1","dev":"eth0","protocol":"ra","metric":1024,"flags":[],
  "pref":"medium"}]"""
FRESH = """[{"ifindex":6,"ifname":"ef0","flags":["BROADCAST","MULTICAST"],"mtu":1500,
 "qdisc":"noop","operstate":"DOWN","link_type":"ether","address":"02:00:5e:10:00:01",
 "broadcast":"ff:ff:ff:ff:ff:ff","addr_info":[]}]"""
CONFIGURED = """[{"ifindex":6,"ifname":"ef0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],
 "mtu":1500,"operstate":"UP","addr_info":[
  {"family":"inet","local":"10.0.0.7","prefixlen":24,"broadcast":"10.0.0.255","scope":"global"},
  {"family":"inet6","local":"fd00::9","prefixlen":64,"scope":"global","dynamic":true},
  {"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]}]"""

GATEWAY = IPv4Address("198.51.100.9")
ROUTER = IPv4Address("10.0.0.1")
EVERYWHERE = Route(ip_network("0.0.0.0/0"), ROUTER)
OFFICE = Route(ip_network("172.16.0.0/12"), ROUTER)


def fresh() -> HostState:
    return parse_state(FRESH, HOST_ROUTES, HOST_ROUTES_V6)


def configured(*more: Installed) -> HostState:
    state = parse_state(CONFIGURED, HOST_ROUTES, HOST_ROUTES_V6)
    return HostState(state.is_up, state.mtu, state.addresses, state.routes + more)


def link(*routes: Route, address: str = "10.0.0.7/24", **more: object) -> HostLink:
    return HostLink("ef0", (ip_interface(address),), routes, **more)  # type: ignore[arg-type]  # test


def ours(destination: str, via: str | None, device: str = "ef0") -> Installed:
    gateway = None if via is None else ip_address(via)
    return Installed(Route(ip_network(destination), gateway), device, "239")


def assert_plan(commands: list[list[str]], expected: str) -> None:
    assert describe(commands) == dedent(expected).strip()


def test_a_fresh_device_gets_address_and_comes_up():
    assert_plan(
        plan(link(mtu=1400), fresh()),
        """
        ip link set dev ef0 mtu 1400
        ip address replace 10.0.0.7/24 broadcast + dev ef0
        ip link set dev ef0 up
        """,
    )


def test_what_is_reached_needs_no_command():
    assert plan(link(), configured()) == []
    assert plan(link(OFFICE), configured(ours("172.16.0.0/12", "10.0.0.1"))) == []


def test_a_default_route_is_ignored_unless_wanted():
    assert plan(link(EVERYWHERE), configured()) == []


def test_a_default_route_is_two_halves_behind_a_host_route_to_the_gateway():
    wanted = link(EVERYWHERE, default_route=True, keep_reachable=(GATEWAY,))
    commands = plan(wanted, configured())
    assert_plan(
        commands,
        """
        ip route replace 198.51.100.9/32 via 192.0.2.1 dev eth0 proto 239
        ip route replace 0.0.0.0/1 via 10.0.0.1 dev ef0 proto 239
        ip route replace 128.0.0.0/1 via 10.0.0.1 dev ef0 proto 239
        """,
    )
    done = configured(
        ours("198.51.100.9/32", "192.0.2.1", "eth0"),
        ours("0.0.0.0/1", "10.0.0.1"),
        ours("128.0.0.0/1", "10.0.0.1"),
    )
    assert plan(wanted, done) == []
    assert_plan(
        plan_removal(wanted, done),
        """
        ip route delete 0.0.0.0/1 via 10.0.0.1 dev ef0 proto 239
        ip route delete 128.0.0.0/1 via 10.0.0.1 dev ef0 proto 239
        ip route delete 198.51.100.9/32 via 192.0.2.1 dev eth0 proto 239
        ip address delete 10.0.0.7/24 dev ef0
        ip link set dev ef0 down
        """,
    )
    assert_plan(
        plan(link(keep_reachable=(GATEWAY,)), done),
        """
        ip route delete 0.0.0.0/1 via 10.0.0.1 dev ef0 proto 239
        ip route delete 128.0.0.0/1 via 10.0.0.1 dev ef0 proto 239
        ip route delete 198.51.100.9/32 via 192.0.2.1 dev eth0 proto 239
        """,
    )


def test_a_killed_process_leaves_one_route_and_the_next_run_takes_it_away():
    left = HostState(routes=(*fresh().routes, ours("198.51.100.9/32", "192.0.2.1", "eth0")))
    assert_plan(
        plan_removal(link(keep_reachable=(GATEWAY,)), left),
        "ip route delete 198.51.100.9/32 via 192.0.2.1 dev eth0 proto 239",
    )


def test_the_host_moved_to_another_network_and_protection_follows():
    wanted = link(EVERYWHERE, default_route=True, keep_reachable=(GATEWAY,))
    state = configured(
        ours("0.0.0.0/1", "10.0.0.1"),
        ours("128.0.0.0/1", "10.0.0.1"),
        ours("198.51.100.9/32", "192.168.5.1", "wlan0"),
    )
    assert_plan(
        plan(wanted, state),
        """
        ip route replace 198.51.100.9/32 via 192.0.2.1 dev eth0 proto 239
        ip route delete 198.51.100.9/32 via 192.168.5.1 dev wlan0 proto 239
        """,
    )


def test_a_gateway_inside_the_hubs_subnet_is_protected_without_a_default_route():
    inside = IPv4Address("192.0.2.200")
    wanted = link(address="192.0.2.50/24", keep_reachable=(inside,))
    assert_plan(
        plan(wanted, fresh()),
        """
        ip address replace 192.0.2.50/24 broadcast + dev ef0
        ip link set dev ef0 up
        ip route replace 192.0.2.200/32 dev eth0 proto 239
        """,
    )


def test_a_host_route_of_the_hosts_own_is_neither_repeated_nor_removed():
    own = Installed(Route(ip_network("198.51.100.9/32"), IPv4Address("192.0.2.77")), "eth0")
    wanted = link(OFFICE, EVERYWHERE, default_route=True, keep_reachable=(GATEWAY,))
    assert "198.51.100.9" not in describe(plan(wanted, configured(own)))
    assert "198.51.100.9" not in describe(plan_removal(wanted, configured(own)))


def test_a_route_the_host_already_has_elsewhere_is_left_alone_and_reported():
    own = Installed(Route(ip_network("172.16.0.0/12"), IPv4Address("192.0.2.1")), "eth0")
    assert plan(link(OFFICE), configured(own)) == []
    assert conflicts(link(OFFICE), configured(own)) == [OFFICE]
    assert conflicts(link(OFFICE), configured()) == []


def test_a_changed_lease_removes_the_old_address_first_and_sets_every_route_again():
    wanted = link(OFFICE, address="10.0.0.9/24")
    assert_plan(
        plan(wanted, configured(ours("172.16.0.0/12", "10.0.0.1"), ours("10.9.0.0/16", None))),
        """
        ip route delete 10.9.0.0/16 dev ef0 proto 239
        ip address delete 10.0.0.7/24 dev ef0
        ip address replace 10.0.0.9/24 broadcast + dev ef0
        ip route replace 172.16.0.0/12 via 10.0.0.1 dev ef0 proto 239
        """,
    )


def test_an_expired_lease_takes_the_address_off():
    state = configured(ours("172.16.0.0/12", "10.0.0.1"))
    assert_plan(
        plan(HostLink("ef0"), state),
        """
        ip route delete 172.16.0.0/12 via 10.0.0.1 dev ef0 proto 239
        ip address delete 10.0.0.7/24 dev ef0
        """,
    )


def test_a_router_outside_the_subnet_is_declared_to_be_on_the_link():
    assert_plan(
        plan(link(OFFICE, address="10.9.9.9/32"), fresh()),
        """
        ip address replace 10.9.9.9/32 dev ef0
        ip link set dev ef0 up
        ip route replace 172.16.0.0/12 via 10.0.0.1 dev ef0 proto 239 onlink
        """,
    )


def test_ipv6_is_planned_alike():
    everywhere = Route(ip_network("::/0"), IPv6Address("fd00::1"))
    gateway = IPv6Address("2001:db8:5::9")
    wanted = link(everywhere, address="fd00::7/64", default_route=True, keep_reachable=(gateway,))
    assert_plan(
        plan(wanted, fresh()),
        """
        ip address replace fd00::7/64 dev ef0
        ip link set dev ef0 up
        ip route replace 2001:db8:5::9/128 via fe80::1 dev eth0 proto 239
        ip route replace ::/1 via fd00::1 dev ef0 proto 239
        ip route replace 8000::/1 via fd00::1 dev ef0 proto 239
        """,
    )


def test_an_ipv4_gateway_behind_an_ipv6_router_is_named_as_such():
    via_v6 = """[{"dst":"default","via":{"family":"inet6","host":"fe80::1"},"dev":"eth0"}]"""
    wanted = link(EVERYWHERE, default_route=True, keep_reachable=(GATEWAY,))
    first, *_ = plan(wanted, parse_state(CONFIGURED, via_v6, "[]"))
    assert_plan([first], "ip route replace 198.51.100.9/32 via inet6 fe80::1 dev eth0 proto 239")


def test_the_underlay_is_the_longest_and_then_the_cheapest_route_beside_ours():
    state = parse_state(
        CONFIGURED,
        """[{"dst":"default","gateway":"10.0.0.1","dev":"ef0"},
            {"dst":"default","gateway":"192.0.2.254","dev":"wlan0","metric":600},
            {"dst":"default","dev":"eth0","metric":100,"nexthops":[
              {"gateway":"192.0.2.1","dev":"eth0","weight":1,"flags":[]},
              {"gateway":"192.0.2.3","dev":"eth1","weight":1,"flags":[]}]},
            {"dst":"198.51.0.0/16","gateway":"192.0.2.9","dev":"eth2","flags":["dead","linkdown"]},
            {"dst":"198.51.100.9","gateway":"192.0.2.7","dev":"eth0","protocol":"239"},
            {}]""",
        "[]",
    )
    path = state.underlay(GATEWAY, "ef0")
    assert path is not None
    assert (path.device, str(path.route.gateway)) == ("eth0", "192.0.2.1")
    assert state.underlay(IPv6Address("2001:db8::1"), "ef0") is None


def test_addresses_the_kernel_makes_are_not_ours_to_judge():
    assert configured().addresses == {ip_interface("10.0.0.7/24")}


def lease(**changes: object) -> Lease:
    fields: dict[str, object] = {
        "address": ip_interface("10.0.0.7/24"),
        "routes": (EVERYWHERE, OFFICE),
        "dns": (),
        "domain": "",
        "mtu": None,
        "lease_s": 3600.0,
        "renew_at": 1800.0,
        "rebind_at": 3150.0,
        "expires_at": 3600.0,
        "server": ROUTER,
        "server_mac": bytes(6),
    }
    return Lease(**{**fields, **changes})  # type: ignore[arg-type]  # the fields' own names


@pytest.mark.parametrize(("offered", "used"), [(None, 1500), (1400, 1400), (9000, 1500)])
def test_a_lease_can_lower_the_mtu_only(offered, used):
    assert link_from_lease("ef0", lease(mtu=offered)).mtu == used


def test_a_leases_routes_can_be_refused_except_the_default_one_that_was_asked_for():
    assert link_from_lease("ef0", lease()).routes == (EVERYWHERE, OFFICE)
    assert link_from_lease("ef0", lease(), accept_routes=False).routes == ()
    refused = link_from_lease("ef0", lease(), accept_routes=False, default_route=True)
    assert refused.routes == (EVERYWHERE,)


def test_a_namespace_is_entered_by_name_or_by_path():
    assert ip_command(["route"]) == ["ip", "route"]
    assert ip_command(["route"], "blue") == ["ip", "-netns", "blue", "route"]
    path = "/proc/7/ns/net"
    assert ip_command(["route"], path) == ["nsenter", f"--net={path}", "ip", "route"]
