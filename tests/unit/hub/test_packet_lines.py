"""Lines of a packet log, held against those the reference wrote of the same frames."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hub.frame_facts import read_facts
from gateway.hub.packet_lines import Ends, kind_of, to_line

VECTORS = Path(__file__).parents[2] / "vectors/softether/packet_log.csv"
LINES = [line for line in VECTORS.read_text().splitlines() if line[0] != "#"]


def as_ours(line: str) -> str:
    """Take away what we do not tell: names of services, and what HTTP and pings said."""
    line = re.sub(r"\b(domain|http|bootpc|bootps)\((\d+)\)", r"\2", line)
    line = re.sub(r" HttpMethod=[^,]*", "", line)
    return line.replace("EchoDataSize=0", "-")


@pytest.mark.parametrize("line", LINES, ids=lambda line: "-".join(line.split(",")[8:10]))
def test_a_frame_is_told_as_the_reference_tells_it(line):
    cells = line.split(",")
    frame = bytes.fromhex(cells[-3])
    ends = Ends(cells[2], cells[3], cells[-2], cells[-1])
    moment = f"{cells[0]},{cells[1]}"
    assert to_line(frame, read_facts(frame), ends, moment, full=True) == as_ours(line)
    header = as_ours(line).replace(cells[-3], "-")
    assert to_line(frame, read_facts(frame), ends, moment, full=False) == header


def test_each_frame_has_the_kind_its_setting_is_called_by():
    kinds = [kind_of(read_facts(bytes.fromhex(line.split(",")[-3]))) for line in LINES]
    assert kinds == [
        *("arp", "icmp", "udp", "tcp_connection", "tcp_connection", "tcp", "tcp_connection"),
        *("dhcp", "ip", "ethernet", "icmp"),
    ]


@given(st.binary(max_size=120), st.sampled_from(["0800", "0806", "86dd", "8100", ""]))
def test_any_bytes_make_one_line(noise, ethertype):
    frame = bytes(12) + bytes.fromhex(ethertype) + noise
    line = to_line(frame, read_facts(frame), Ends(), "2026-01-31,12:00:00.000", full=True)
    assert line.isprintable()
    assert line.count(",") == 19


def test_a_frame_with_a_tag_is_what_is_behind_it():
    line = LINES[1].split(",")
    frame = bytes.fromhex(line[-3])
    tagged = frame[:12] + bytes.fromhex("81000005") + frame[12:]
    told = to_line(tagged, read_facts(tagged), Ends(), "2026-01-31,12:00:00.000", full=False)
    assert told.split(",")[8:10] == ["ICMPv4", "Echo Request"]
