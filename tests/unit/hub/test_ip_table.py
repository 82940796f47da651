"""Who may use which IP address: limits, conflicts, leases."""

from gateway.hub.ip_table import MAX_PER_PORT, IpLimits, IpTable, limits_of
from tests.frames import ip

FREE = IpLimits()
ONE, TWO = ip("10.0.0.1"), ip("10.0.0.2")


def address(number):
    return (10 << 24 | number).to_bytes(4)


def test_limits_let_everybody_have_a_few():
    none = {"max_ip": 0, "max_ipv6": 0, "no_routing": False, "no_routing_v6": False}
    assert limits_of(**none) == (0, 0)
    assert limits_of(**none | {"max_ip": 1, "max_ipv6": 1}) == (4, 5)
    assert limits_of(**none | {"max_ip": 10, "max_ipv6": 10}) == (10, 10)
    assert limits_of(**none | {"no_routing": True, "no_routing_v6": True}) == (4, 15)
    assert limits_of(**none | {"no_routing": True, "max_ip": 10}) == (4, 0)
    assert not FREE
    assert IpLimits(most_v4=4)


def test_a_port_has_no_more_than_its_limit():
    table, limits = IpTable(), IpLimits(most_v4=4, most_v6=5)
    assert [table.use(address(n), "a", limits, 0.0) for n in range(5)] == [""] * 4 + ["ip-limit"]
    assert table.use(ip("fd00::1"), "a", limits, 0.0) == ""
    assert table.use(address(4), "a", limits, 61.0) == ""  # the others are known no more


def test_a_port_that_is_watched_takes_no_address_from_another():
    table, checked = IpTable(), IpLimits(check_v4=True, check_v6=True)
    for own in (ONE, ip("fd00::1")):
        assert table.use(own, "a", FREE, 0.0) == ""
        assert table.use(own, "b", checked, 13.0) == "ip-conflict"
        assert table.use(own, "a", FREE, 5.0) == ""
        assert table.use(own, "b", checked, 17.0) == "ip-conflict"
        assert table.use(own, "b", checked, 18.1) == ""
        assert table.find(own).port == "b"
        assert table.use(own, "c", FREE, 18.2) == ""  # nobody asks


def test_only_leased_addresses_where_dhcp_is_forced():
    table, forced = IpTable(), IpLimits(only_leased=True)
    assert table.use(ONE, "a", forced, 0.0) == "ip-not-leased"
    table.lease(ONE, "a", 0.0)
    assert table.use(ONE, "a", forced, 1.0) == ""
    assert table.use(ONE, "b", forced, 2.0) == "ip-conflict"
    assert table.use(ONE, "b", forced, 20.0) == ""  # a lease that moves with its station
    table.use(TWO, "b", FREE, 20.0)
    assert table.use(TWO, "a", forced, 40.0) == "ip-not-leased"
    assert table.use(ONE, "b", forced, 321.0) == "ip-not-leased"  # known no more


def test_a_port_that_makes_addresses_up_unlearns_only_its_own():
    table = IpTable()
    table.use(ONE, "a", FREE, 0.0)
    for number in range(100, 100 + 2 * MAX_PER_PORT):
        table.use(address(number), "b", FREE, 1.0)
    assert len(table) == MAX_PER_PORT + 1
    assert table.find(ONE).port == "a"
    table.forget_port("b")
    assert len(table) == 1
