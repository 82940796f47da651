"""What frames say of themselves: plain ones, odd ones, and those made to trip a reader up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hub.frame_facts import DHCP_ACK, Layer, flow_key, read_facts
from tests.frames import MAC_A, MAC_B, arp, dhcp, ethernet, ip, ipv4, ipv6, tcp, udp

SYN, SYN_ACK = 0x02, 0x12
HOP_BY_HOP = bytes([6, 0]) + bytes(6)
FIRST_FRAGMENT = bytes([6, 0, 0, 1]) + bytes(4)
LATER_FRAGMENT = bytes([6, 0, 0, 8]) + bytes(4)

TCP4 = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80, SYN))
FRAMES = {
    "tcp": TCP4,
    "udp": ipv4("10.0.0.1", "10.0.0.2", 17, udp(1000, 53)),
    "icmp": ipv4("10.0.0.1", "10.0.0.2", 1, bytes(8)),
    "options": ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80), options=bytes(8)),
    "fragment": ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80), offset=3),
    "tagged": ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80), vlan=7),
    "tcp6": ipv6("fd00::1", "fd00::2", 6, tcp(1000, 80)),
    "udp6": ipv6("fd00::1", "fd00::2", 17, udp(546, 547)),
    "extended": ipv6("fd00::1", "fd00::2", 0, tcp(1000, 80), extensions=HOP_BY_HOP),
    "fragment6": ipv6("fd00::1", "fd00::2", 44, tcp(1000, 80), extensions=LATER_FRAGMENT),
    "advertisement": ipv6("fe80::1", "ff02::1", 58, bytes([134]) + bytes(15)),
    "arp": arp("10.0.0.1", "10.0.0.2"),
    "dhcp": dhcp(2, DHCP_ACK, given="10.0.0.9"),
    "bpdu": ethernet(b"\x42\x42\x03" + bytes(35), 38),
    "other": ethernet(bytes(46), 0x88B5),
}


def test_a_plain_packet():
    facts = read_facts(TCP4)
    assert (facts.destination_mac, facts.source_mac) == (MAC_B, MAC_A)
    assert (facts.layer, facts.protocol) == (Layer.IPV4, 6)
    assert (facts.source, facts.destination) == (ip("10.0.0.1"), ip("10.0.0.2"))
    assert (facts.source_port, facts.destination_port, facts.tcp_flags) == (1000, 80, SYN)


@pytest.mark.parametrize("name", ["options", "tagged", "tcp6", "extended"])
def test_headers_in_between_are_passed(name):
    facts = read_facts(FRAMES[name])
    assert (facts.protocol, facts.source_port, facts.destination_port) == (6, 1000, 80)


@pytest.mark.parametrize("name", ["fragment", "fragment6"])
def test_later_fragments_have_no_ports(name):
    facts = read_facts(FRAMES[name])
    assert (facts.protocol, facts.source_port, facts.tcp_flags) == (6, -1, -1)


def test_the_first_fragment_has_ports():
    frame = ipv6("fd00::1", "fd00::2", 44, tcp(1000, 80), extensions=FIRST_FRAGMENT)
    assert read_facts(frame).destination_port == 80
    frame = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80), offset=0x2000)
    assert read_facts(frame).destination_port == 80


def test_a_header_that_is_cut_off_is_none():
    assert read_facts(TCP4[:50]).source_port == -1
    assert read_facts(TCP4[:50]).protocol == 6
    assert read_facts(TCP4[:30]).layer is Layer.OTHER
    assert read_facts(TCP4[:13]).ethertype == -1
    assert read_facts(FRAMES["arp"][:41]).layer is Layer.OTHER


def test_dhcp_is_read_as_far_as_it_binds_an_address():
    facts = read_facts(FRAMES["dhcp"])
    assert facts.is_dhcp
    assert facts.dhcp_operation == 2
    assert facts.lease == (ip("10.0.0.9"), MAC_A)
    assert read_facts(dhcp(2, 2, given="10.0.0.9")).lease is None  # an offer
    assert read_facts(dhcp(1, 3)).dhcp_operation == 1


def test_what_is_urgent():
    urgent = {name for name, frame in FRAMES.items() if read_facts(frame).is_urgent}
    assert urgent == {"tcp", "icmp", "arp", "dhcp"}  # tcp: it opens a connection


def test_spanning_tree_is_known():
    assert [name for name, frame in FRAMES.items() if read_facts(frame).is_bpdu] == ["bpdu"]


@given(st.binary(max_size=120))
def test_any_bytes_are_read(frame):
    read_facts(frame)


@given(st.sampled_from(list(FRAMES.values())), st.data())
def test_any_frame_cut_or_changed_anywhere_is_read(frame, data):
    changed = bytearray(frame[: data.draw(st.integers(0, len(frame)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if changed:
            at = data.draw(st.integers(0, len(changed) - 1))
            changed[at] = data.draw(st.integers(0, 255))
    frame = bytes(changed)
    facts = read_facts(frame)
    assert -1 <= facts.protocol < 256
    if len(frame) >= 14:
        flow_key(b"12345678" + frame + b"tail", 8, len(frame))


def judged_by(facts):
    """All that a verdict may depend on, of frames that are not DHCP."""
    return facts._replace(tcp_flags=facts.tcp_flags & 0x17 if facts.tcp_flags >= 0 else -1)


@given(st.sampled_from(list(FRAMES.values())), st.sampled_from(list(FRAMES.values())), st.data())
def test_frames_with_one_key_have_the_same_facts(one, other, data):
    other = bytearray(other if data.draw(st.booleans()) else one)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(12, len(other) - 1))
        other[at] = data.draw(st.integers(0, 255))
    other = one[:12] + bytes(other[12:])
    key = flow_key(one, 0, len(one))
    if key is not None and key == flow_key(other, 0, len(other)):
        facts, others = read_facts(one), read_facts(other)
        if facts.is_dhcp:
            assert others.is_dhcp
        else:
            assert judged_by(facts) == judged_by(others)


def test_plain_flows_have_keys_and_no_others():
    keyed = {name for name, frame in FRAMES.items() if flow_key(frame, 0, len(frame)) is not None}
    assert keyed == {"tcp", "udp", "icmp", "tcp6", "udp6", "dhcp"}
