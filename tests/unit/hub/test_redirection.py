"""Rules with a URL: what is answered, and that both frames of an answer are sound TCP."""

from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.udp_frame import checksum
from gateway.hub.frame_facts import Layer, read_facts
from gateway.hub.redirection import may_hold_question, redirect
from gateway.wire.ethernet import read_header
from tests.frames import MAC_A, MAC_B, ip, ipv4, ipv6, tcp
from tests.unit.hub.test_frame_facts import FRAMES, HOP_BY_HOP

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
URL = "https://portal.example/start?a=1&b=2"
VISITOR = "alice|SID-ALICE-1|192.0.2.7|20260131120000"


def question(sequence=1000, acknowledged=5000, data=GET, flags=ACK | PSH, options=b""):
    """A segment as a client sends it, without its checksum, which nobody looks at."""
    head = (40_000).to_bytes(2) + (80).to_bytes(2) + sequence.to_bytes(4) + acknowledged.to_bytes(4)
    head += bytes([(5 + len(options) // 4) << 4, flags]) + bytes(6)
    return head + options + data


def read_tcp(frame):
    """Return ports, numbers, flags and data of a frame whose sums are right."""
    facts, header = read_facts(frame), read_header(frame)
    packet, l4 = frame[header.payload :], facts.l4
    if facts.layer is Layer.IPV4:
        assert checksum(packet[:20]) == 0
        assert int.from_bytes(packet[2:4]) == len(packet)
    else:
        assert int.from_bytes(packet[4:6]) == len(packet) - 40
    segment = frame[l4:]
    ends = facts.source + facts.destination
    assert checksum(ends + (6).to_bytes(4) + len(segment).to_bytes(4) + segment) == 0
    numbers = int.from_bytes(segment[4:8]), int.from_bytes(segment[8:12])
    ports = facts.source_port, facts.destination_port
    return facts, ports, numbers, facts.tcp_flags, segment[4 * (segment[12] >> 4) :]


@given(
    numbers=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    data=st.binary(min_size=1, max_size=1300),
    is_last=st.booleans(),
    options=st.sampled_from([b"", bytes(12)]),
    vlan=st.sampled_from([None, 7]),
    packed=st.sampled_from(["v4", "v4-options", "v6", "v6-extended"]),
    padding=st.integers(0, 20),
)
def test_an_answer_and_a_reset_fit_the_question(
    numbers, data, is_last, options, vlan, packed, padding
):
    segment = question(*numbers, data, ACK | PSH | (FIN if is_last else 0), options)
    frame = {
        "v4": lambda: ipv4("10.0.0.1", "10.0.0.2", 6, segment, vlan=vlan),
        "v4-options": lambda: ipv4("10.0.0.1", "10.0.0.2", 6, segment, options=bytes(8), vlan=vlan),
        "v6": lambda: ipv6("fd00::1", "fd00::2", 6, segment, vlan=vlan),
        "v6-extended": lambda: ipv6(
            "fd00::1", "fd00::2", 0, segment, extensions=HOP_BY_HOP, vlan=vlan
        ),
    }[packed]() + bytes(padding)
    sequence, acknowledged = numbers
    answer, reset = redirect(frame, URL, VISITOR)

    facts, ports, answered, flags, page = read_tcp(answer)
    assert answer[:12] == MAC_A + MAC_B
    assert read_header(answer).vlan == vlan
    assert (facts.source, facts.destination) == tuple(
        map(ip, ("10.0.0.2", "10.0.0.1") if packed.startswith("v4") else ("fd00::2", "fd00::1"))
    )
    assert ports == (80, 40_000)
    assert answered == (acknowledged, (sequence + len(data) + is_last) % 2**32)
    assert flags == ACK | PSH
    head, _, body = page.partition(b"\r\n\r\n")
    assert f"\r\nLocation: {URL}\r\n".encode() in head
    assert f"\r\nContent-Length: {len(body)}".encode() in head

    facts, ports, reset_numbers, flags, rest = read_tcp(reset)
    assert reset[:12] == frame[:12]
    assert read_header(reset).vlan == vlan
    assert (ports, reset_numbers) == ((40_000, 80), numbers)
    assert (flags, rest) == (ACK | RST, b"")


def test_what_only_acknowledges_is_no_question_however_it_is_padded():
    for padding in (0, 6):
        bare = ipv4("10.0.0.1", "10.0.0.2", 6, question(data=b"")) + bytes(padding)
        assert may_hold_question(read_facts(bare))
        assert redirect(bare, URL, VISITOR) is None


@pytest.mark.parametrize("flags", [SYN, SYN | ACK, RST | ACK, URG | ACK, FIN, 0])
def test_what_opens_or_breaks_a_connection_is_no_question(flags):
    frame = ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1, 80, flags, GET))
    assert not may_hold_question(read_facts(frame))


@given(st.sampled_from(sorted(FRAMES)), st.integers(0, 200), st.binary(max_size=80))
def test_nothing_made_up_trips_it_up(name, cut, noise):
    frame = FRAMES[name][:cut] + noise
    if may_hold_question(read_facts(frame)):
        redirect(frame, URL, VISITOR)


@given(st.text(max_size=255), st.text(max_size=200))
def test_no_url_ends_its_line_or_its_frame(url, visitor):
    page = page_of(url, visitor)
    head, _, body = page.partition(b"\r\n\r\n")
    assert head.count(b"\r\n") == 5
    assert head.count(b"\n") == 5
    assert head.startswith(b"HTTP/1.1 302 Found\r\nLocation: ")
    assert b"<script" not in body


def test_a_url_may_say_who_comes():
    asked = location_of("http://x.example/?i=<INFO>")
    assert asked == f"http://x.example/?i={VISITOR}"
    proof = sha1(f"{VISITOR}|secret".encode()).hexdigest().upper()
    assert location_of("http://x.example/?i=<INFO>|secret").endswith(f"{VISITOR}|{proof}")
    assert location_of("http://x.example/a|b") == "http://x.example/a|b", "no INFO, no secret"


def page_of(url, visitor=VISITOR):
    frame = ipv4("10.0.0.1", "10.0.0.2", 6, question())
    return read_tcp(redirect(frame, url, visitor).answer)[4]


def location_of(url):
    return page_of(url).decode().partition("Location: ")[2].partition("\r\n")[0]
