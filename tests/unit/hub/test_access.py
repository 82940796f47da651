"""An access list decides as the reference's does: tried there, see docs/rules.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.access import AccessRule, in_order
from coordinator.masks import Masked, read_network, read_stations
from gateway.hub.access import DROPPED, Matchers, Who
from gateway.hub.frame_facts import read_facts
from tests.frames import MAC_A, arp, ethernet, ipv4, ipv6, tcp, udp
from tests.unit.hub.test_frame_facts import FRAMES

ALICE = Who("alice", "staff")
SYN, ACK, SYN_ACK = 0x02, 0x10, 0x12
WEB = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80, ACK))
OTHER = ethernet(bytes(46), 0x88B5)


def discards(rules, frame, source=ALICE, *, arp=False):
    verdict = Matchers(in_order(rules), arp=arp).of(source).on_entry(read_facts(frame))
    return None if verdict is None else verdict == DROPPED


def rule(**conditions):
    return AccessRule(10, discard=True, **conditions)


def test_no_rule_no_verdict():
    assert discards([], WEB) is None
    assert discards([rule(protocol=17)], WEB) is None


def test_the_first_rule_that_matches_decides():
    web = AccessRule(5, protocol=6, destination_ports=(80, 80))
    assert discards([web, rule()], WEB) is False
    assert discards([rule(), AccessRule(11)], WEB) is True
    assert discards([rule(), AccessRule(10)], WEB) is False  # pass goes before discard
    assert discards([AccessRule(5, discard=True, active=False), AccessRule(7)], WEB) is False


@pytest.mark.parametrize(
    ("conditions", "frame", "matches"),
    [
        ({}, WEB, True),
        ({}, OTHER, True),
        ({"source": read_network("10.0.0.0/24")}, WEB, True),
        ({"source": read_network("10.1.0.0/16")}, WEB, False),
        ({"source": read_network("10.0.0.0/255.0.0.255")}, WEB, False),
        ({"source": read_network("10.0.0.0/24")}, OTHER, False),
        ({"source": read_network("0.0.0.0/0")}, OTHER, True),
        ({"destination": read_network("10.0.0.2")}, WEB, True),
        ({"destination": read_network("10.0.0.1")}, WEB, False),
        ({"protocol": 6}, WEB, True),
        ({"protocol": 6}, FRAMES["tcp6"], False),
        ({"protocol": 6, "is_ipv6": True}, FRAMES["tcp6"], True),
        ({"protocol": 6, "is_ipv6": True}, FRAMES["extended"], True),
        ({"protocol": 6}, FRAMES["fragment"], True),
        ({"destination_ports": (80, 80)}, WEB, True),
        ({"destination_ports": (79, 81)}, WEB, True),
        ({"destination_ports": (81, 90)}, WEB, False),
        ({"source_ports": (1000, 1000)}, WEB, True),
        ({"source_ports": (0, 999)}, WEB, False),
        ({"destination_ports": (53, 53)}, FRAMES["udp"], True),
        ({"destination_ports": (80, 80)}, FRAMES["fragment"], False),
        ({"destination_ports": (1, 65535)}, FRAMES["icmp"], False),
        ({"destination_ports": (80, 80)}, FRAMES["tcp6"], False),
        ({"established": True}, WEB, True),
        ({"established": True}, ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1, 2, SYN_ACK)), True),
        ({"established": True}, FRAMES["tcp"], False),
        ({"established": False}, FRAMES["tcp"], True),
        ({"established": False}, WEB, False),
        ({"established": False}, FRAMES["udp"], False),
        ({"source_mac": read_stations("5e:00:00:00:00:01")}, OTHER, True),
        ({"source_mac": read_stations("5e:00:00:00:00:00/ff:ff:ff:ff:ff:00")}, OTHER, True),
        ({"source_mac": read_stations("5e:00:00:00:00:02")}, OTHER, False),
        ({"destination_mac": read_stations("5e:00:00:00:00:02")}, OTHER, True),
        ({"source": read_network("fd00::/64"), "is_ipv6": True}, FRAMES["tcp6"], True),
        ({"source": read_network("fd01::/64"), "is_ipv6": True}, FRAMES["tcp6"], False),
        ({"source": read_network("fd00::/64"), "is_ipv6": True}, WEB, False),
        ({"destination": read_network("10.0.0.2")}, FRAMES["tagged"], True),
    ],
)
def test_conditions(conditions, frame, matches):
    assert discards([rule(**conditions)], frame) is (True if matches else None)


def test_arp_is_matched_only_where_an_option_says_so():
    ask = arp("10.0.0.1", "10.0.0.2")
    here, there = rule(source=read_network("10.0.0.1")), rule(destination=read_network("10.0.0.2"))
    assert [discards([r], ask) for r in (here, there, rule())] == [None] * 3
    assert [discards([r], ask, arp=True) for r in (here, there, rule())] == [True] * 3
    assert discards([rule(source=read_network("10.0.0.2"))], ask, arp=True) is None
    assert discards([rule(protocol=6)], ask, arp=True) is None
    probe = arp("0.0.0.0", "10.0.0.2")
    everywhere = Masked(bytes(4), b"\x80\0\0\0")
    assert discards([rule(source=everywhere)], probe, arp=True) is None


def test_users_and_groups_are_named_in_any_case():
    for name in ("Alice", "STAFF"):
        assert discards([rule(source_user=name)], WEB) is True
    assert discards([rule(source_user="bob")], WEB) is None
    assert discards([rule(source_user="alice")], WEB, Who()) is None


def test_rules_about_destinations_wait_for_one():
    rules = in_order(
        [
            AccessRule(1, discard=True, protocol=17),
            AccessRule(2, discard=True, destination_user="bob"),
            AccessRule(3, discard=True, protocol=6),
        ]
    )
    matcher = Matchers(rules).of(ALICE)
    assert matcher.asks_destination
    assert matcher.on_entry(read_facts(FRAMES["udp"])) == DROPPED
    assert matcher.on_entry(read_facts(WEB)) is None
    assert matcher.towards(read_facts(WEB), Who("bob", ""))
    assert matcher.towards(read_facts(WEB), Who("carol", ""))  # by the third rule
    assert matcher.towards(read_facts(FRAMES["icmp"]), Who("x", "bob"))
    assert not matcher.towards(read_facts(FRAMES["icmp"]), Who("carol", ""))


def test_rules_of_others_are_not_even_kept():
    assert Matchers([rule(source_user="bob"), rule(active=False)]).of(ALICE).is_empty
    assert not Matchers([rule(source_user="alice")]).of(ALICE).is_empty


NETWORKS = st.builds(
    Masked,
    st.binary(min_size=4, max_size=4),
    st.sampled_from([bytes(4), b"\xff\0\0\0", b"\xff\xff\xff\0", b"\xff" * 4, b"\xff\0\xff\0"]),
)
RULES = st.lists(
    st.builds(
        AccessRule,
        priority=st.integers(1, 3),
        discard=st.booleans(),
        active=st.booleans(),
        source=st.none() | NETWORKS,
        destination=st.none() | NETWORKS,
        protocol=st.sampled_from([0, 1, 6, 17]),
        destination_ports=st.sampled_from([(0, 0), (1, 100), (80, 80), (50, 60)]),
        established=st.sampled_from([None, True, False]),
        source_mac=st.none() | st.just(Masked(MAC_A, b"\xff" * 6)),
    ),
    max_size=6,
)


def plainly_matches(rule, facts):
    """The same in the words of the reference's manual."""
    if not rule.active or facts.layer == 1:
        return False
    if rule.source_mac and not rule.source_mac.covers(facts.source_mac):
        return False
    for network, address in ((rule.source, facts.source), (rule.destination, facts.destination)):
        is_condition = network is not None and any(network.address + network.mask)
        if is_condition and (facts.layer != 2 or not network.covers(address)):
            return False
    if rule.protocol and (facts.layer != 2 or facts.protocol != rule.protocol):
        return False
    first, last = rule.destination_ports
    if last and (facts.layer != 2 or not first <= facts.destination_port <= last):
        return False
    if rule.established is None:
        return True
    opens = facts.tcp_flags >= 0 and facts.tcp_flags & 0x12 == 0x02
    return facts.layer == 2 and facts.tcp_flags >= 0 and rule.established is not opens


ADDRESSES = st.ip_addresses(v=4).map(str)
PACKETS = st.one_of(
    st.builds(
        ipv4,
        ADDRESSES,
        ADDRESSES,
        st.just(6),
        st.builds(tcp, st.integers(1, 99), st.sampled_from([55, 80, 443]), st.integers(0, 31)),
    ),
    st.builds(ipv4, ADDRESSES, ADDRESSES, st.just(17), st.just(udp(9, 53))),
    st.just(ipv6("fd00::1", "fd00::2", 6, tcp(1, 80))),
    st.sampled_from(list(FRAMES.values())),
)


@given(RULES, PACKETS)
def test_the_compiled_list_agrees_with_plain_words(rules, frame):
    facts = read_facts(frame)
    rules = in_order(rules)
    plain = next((r.discard for r in rules if plainly_matches(r, facts)), None)
    assert discards(rules, frame) is plain


def test_ports_that_no_rule_tells_apart_share_one_matcher():
    """Each port compiled the whole list: with 4,096 rules and 100 sessions no frame passed for a
    second whenever the list was changed."""
    matchers = Matchers([rule(source_user="alice"), rule(source_user="staff"), rule()])
    assert matchers.of(Who("bob")) is matchers.of(Who("carol", "guests"))
    assert matchers.of(Who("bob", "staff")) is matchers.of(Who("carol", "staff"))
    assert matchers.of(ALICE) is not matchers.of(Who("alice"))
