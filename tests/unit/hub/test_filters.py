"""Policies as filters: which frames each one stops, coming and going."""

import pytest

from gateway.hub.filters import ENTRY_OPTIONS, entry_filters, exit_filters, first_reason, is_private
from gateway.hub.frame_facts import ROUTER_ADVERTISEMENT, read_facts
from gateway.hub.rewrite import add_tag, remove_tag, without_default_router
from gateway.wire.policy import Policy
from tests.frames import BROADCAST, arp, dhcp, ethernet, ip, ipv4, ipv6, tcp, udp
from tests.unit.hub.test_frame_facts import FRAMES

OPEN = Policy(no_bridge=False, no_routing=False)
MORE = FRAMES | {
    "answer": ipv4("10.0.0.1", "10.0.0.2", 6, tcp(80, 1000, 0x12)),
    "answer6": ipv6("fd00::1", "fd00::2", 6, tcp(80, 1000, 0x12)),
    "discover": dhcp(1, 1),
    "broadcast": ipv4("10.0.0.1", "10.0.0.255", 17, udp(137, 137), to=BROADCAST),
    "solicitation": ipv6("fe80::1", "ff02::2", 58, bytes([133]) + bytes(7)),
    "neighbour": ipv6("fe80::1", "ff02::1", 58, bytes([135]) + bytes(23), to=BROADCAST),
    "offer6": ipv6("fe80::1", "fe80::2", 17, udp(547, 546)),
    "pppoe": ethernet(bytes(46), 0x8864),
    "ospf": ipv4("10.0.0.1", "224.0.0.5", 89, bytes(24)),
}
V4 = {n for n, f in MORE.items() if f[12:14] in (b"\x08\x00", b"\x08\x06")} | {"tagged"}
V6 = {n for n, f in MORE.items() if f[12:14] == b"\x86\xdd"}


def stopped(filters):
    return {name for name, frame in MORE.items() if first_reason(filters, read_facts(frame))}


ON_ENTRY = {
    "no_server": {"answer"},
    "no_server_v6": {"answer6"},
    "arp_dhcp_only": {"broadcast"},
    "filter_ipv4": V4,
    "filter_ipv6": V6,
    "filter_non_ip": MORE.keys() - V4 - V6,
    "dhcp_filter": {"dhcp", "discover"},
    "dhcpv6_filter": {"udp6", "offer6"},
    "dhcp_no_server": {"dhcp"},
    "dhcpv6_no_server": {"offer6"},
    "rs_and_ra_filter": {"advertisement", "solicitation"},
    "ra_filter": {"advertisement"},
}
ON_EXIT = (
    "rs_and_ra_filter",
    "dhcp_filter",
    "dhcpv6_filter",
    "arp_dhcp_only",
    "filter_ipv4",
    "filter_ipv6",
    "filter_non_ip",
)


@pytest.mark.parametrize("name", ON_ENTRY)
def test_what_a_policy_stops_on_entry(name):
    assert stopped(entry_filters(Policy(**{name: True}), {})) == ON_ENTRY[name]


@pytest.mark.parametrize("name", ON_ENTRY)
def test_what_a_policy_stops_on_exit(name):
    expected = ON_ENTRY[name] if name in ON_EXIT else set()
    assert stopped(exit_filters(Policy(**{name: True}))) == expected


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("FilterPPPoE", {"pppoe"}),
        ("FilterOSPF", {"ospf"}),
        ("FilterIPv4", V4),
        ("FilterIPv6", V6),
        ("FilterNonIP", MORE.keys() - V4 - V6),
        ("FilterBPDU", {"bpdu"}),
    ],
)
def test_what_an_option_of_the_hub_stops(option, expected):
    assert option in ENTRY_OPTIONS
    assert stopped(entry_filters(OPEN, {option: 1})) == expected
    assert entry_filters(OPEN, {option: 0}) == ()


def test_a_policy_without_filters_has_none():
    assert entry_filters(OPEN, {}) == exit_filters(OPEN) == ()


def test_privacy_spares_groups_and_arp_only_where_told_so():
    unicast, group = read_facts(FRAMES["udp"]), read_facts(MORE["broadcast"])
    ask = read_facts(arp("10.0.0.1", "10.0.0.2", to=FRAMES["udp"][:6]))
    assert [is_private(facts, {}) for facts in (unicast, group, ask)] == [True] * 3
    assert not is_private(group, {"DropBroadcastsInPrivacyFilterMode": 0})
    assert not is_private(ask, {"DropArpInPrivacyFilterMode": 0})


def test_tags_come_and_go():
    frame = FRAMES["udp"]
    tagged = add_tag(frame, 4095)
    assert read_facts(tagged)._replace(l4=34) == read_facts(frame)
    assert remove_tag(tagged, 4095) == frame
    assert remove_tag(tagged, 7) is None
    assert remove_tag(frame, 7) is None


def checksum(frame):
    """The ICMPv6 checksum over pseudo header and message: 0 when it fits."""
    message = frame[54:]
    total = frame[22:54] + len(message).to_bytes(4) + bytes([0, 0, 0, 58]) + message
    total += b"\0" * (len(total) % 2)
    number = sum(int.from_bytes(total[i : i + 2]) for i in range(0, len(total), 2))
    while number >> 16:
        number = (number & 0xFFFF) + (number >> 16)
    return ~number & 0xFFFF


def test_a_router_that_is_nobodys_default_still_has_its_checksum():
    message = bytearray([ROUTER_ADVERTISEMENT, 0, 0, 0, 64, 0, 0x07, 0x08]) + bytes(8)
    frame = ipv6("fe80::1", "ff02::1", 58, bytes(message))
    message[2:4] = checksum(frame).to_bytes(2)
    frame = ipv6("fe80::1", "ff02::1", 58, bytes(message))
    assert checksum(frame) == 0
    changed = without_default_router(frame, read_facts(frame))
    assert changed[60:62] == b"\0\0"
    assert checksum(changed) == 0
    assert changed[22:54] == ip("fe80::1") + ip("ff02::1")
    assert without_default_router(FRAMES["udp"], read_facts(FRAMES["udp"])) == FRAMES["udp"]
    short = frame[:60]
    assert without_default_router(short, read_facts(short)) == short
