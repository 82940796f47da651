"""A rule is one readable line in the store, and comes back from it as it was."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.access import (
    AccessRule,
    access_rule_from_line,
    access_rule_to_line,
    check_access_rule,
    in_order,
    read_ports,
    read_protocol,
)
from coordinator.errors import InvalidValue
from coordinator.masks import Masked, read_network
from coordinator.sources import (
    SourceList,
    SourceRule,
    source_rule_from_line,
    source_rule_to_line,
)
from coordinator.sources import in_order as sources_in_order
from coordinator.words import from_line, to_line

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PORTS = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted).map(tuple)


def masked(size: int):
    return st.none() | st.builds(Masked, *[st.binary(min_size=size, max_size=size)] * 2)


@st.composite
def rules(draw):
    is_ipv6 = draw(st.booleans())
    ip = masked(16 if is_ipv6 else 4)
    return AccessRule(
        priority=draw(st.integers(1, 0xFFFF_FFFF)),
        discard=draw(st.booleans()),
        active=draw(st.booleans()),
        note=draw(TEXT),
        is_ipv6=is_ipv6,
        source=draw(ip),
        destination=draw(ip),
        protocol=draw(st.integers(0, 255)),
        source_ports=draw(PORTS),
        destination_ports=draw(PORTS),
        source_user=draw(TEXT),
        destination_user=draw(TEXT),
        source_mac=draw(masked(6)),
        destination_mac=draw(masked(6)),
        established=draw(st.none() | st.booleans()),
        delay_ms=draw(st.integers(0, 10_000)),
        jitter_percent=draw(st.integers(0, 100)),
        loss_percent=draw(st.integers(0, 100)),
        redirect_url=draw(TEXT.filter(str.isprintable)),
        id=draw(st.integers(1, 9)),
    )


@given(rules())
def test_a_rule_comes_back_as_it_was(rule):
    assert check_access_rule(rule) == rule
    assert access_rule_from_line(rule.id, access_rule_to_line(rule)) == rule


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True), TEXT))
def test_any_words_come_back(words):
    assert from_line(to_line(words)) == words


@given(st.text(max_size=40))
def test_any_line_is_words_or_refused(line):
    with contextlib.suppress(InvalidValue):
        from_line(line)


def test_a_line_reads_well():
    rule = AccessRule(
        priority=10,
        discard=True,
        note='no "web"',
        protocol=6,
        destination=read_network("10.0.0.0/8"),
        destination_ports=(80, 443),
        source_user="Domain Users",
    )
    assert access_rule_to_line(rule) == (
        "action=discard priority=10 protocol=tcp destination=10.0.0.0/8 destination_ports=80-443"
        ' source_user="Domain Users" note="no \\"web\\""'
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "priority=1",
        "action=pass priority=x",
        "action=pass priority=1 source=x",
        "action=pass priority=1 protocol=999",
        "action=pass priority=1 =",
        'action=pass priority=1 note="open',
    ],
)
def test_a_line_somebody_broke_is_named(line):
    with pytest.raises(InvalidValue, match="access rule 3"):
        access_rule_from_line(3, line)


@pytest.mark.parametrize(
    "rule",
    [
        AccessRule(priority=0),
        AccessRule(priority=1, protocol=256),
        AccessRule(priority=1, source=read_network("::1")),
        AccessRule(priority=1, is_ipv6=True, source=read_network("10.0.0.1")),
        AccessRule(priority=1, source_mac=read_network("10.0.0.1")),
        AccessRule(priority=1, destination_ports=(1, 65536)),
        AccessRule(priority=1, delay_ms=10_001),
        AccessRule(priority=1, loss_percent=101),
        AccessRule(priority=1, note="x" * 1025),
        AccessRule(priority=1, source_user="x" * 256),
        AccessRule(priority=1, note="\ud800"),
    ],
)
def test_what_cannot_be_is_refused(rule):
    with pytest.raises(InvalidValue):
        check_access_rule(rule)


def test_an_end_before_the_beginning_is_the_beginning():
    assert check_access_rule(AccessRule(1, source_ports=(80, 0))).source_ports == (80, 80)
    assert read_ports("80") == (80, 80)
    assert read_ports("1000-2000") == (1000, 2000)
    with pytest.raises(InvalidValue):
        read_ports("80-x")
    assert (read_protocol("TCP"), read_protocol("47")) == (6, 47)


def test_low_priorities_first_and_pass_before_discard():
    listed = [
        AccessRule(2, id=1),
        AccessRule(1, discard=True, id=2),
        AccessRule(1, id=4),
        AccessRule(1, id=3),
    ]
    assert [rule.id for rule in in_order(listed)] == [3, 4, 2, 1]


def test_the_first_source_rule_that_covers_an_address_decides():
    office = SourceRule(read_network("192.0.2.0/24"), deny=False, priority=10, id=1)
    world = SourceRule(read_network("0.0.0.0/0"), deny=True, priority=10, id=2)
    listed = SourceList("Corp", sources_in_order([world, office]))
    assert listed.verdict(bytes([192, 0, 2, 9])) == office
    assert listed.verdict(bytes([198, 51, 100, 9])) == world
    assert listed.verdict(bytes(16)) is None
    assert source_rule_from_line(1, source_rule_to_line(office)) == office
