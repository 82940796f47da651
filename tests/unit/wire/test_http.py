"""HTTP heads against captured ones, their limits, and the pages."""

from collections.abc import Generator
from typing import TypeVar

import pytest

from gateway.errors import LimitExceeded, Malformed, ProtocolError
from gateway.wire import http
from gateway.wire.codes import PROBE_MARKER, PROBE_WINDOW
from gateway.wire.pack import Pack, integer
from gateway.wire.reader import Reader
from tests.dialogues import one_by_one
from tests.golden import captured

T = TypeVar("T")


def read(grammar: Generator[int, bytes, T], pieces: list[bytes]) -> tuple[T | None, bytes]:
    """Return what a grammar read and the bytes it left."""
    reader: Reader[T] = Reader(10_000_000)
    reader.begin(grammar)
    for piece in pieces:
        reader.receive(piece)
        if (value := reader.advance()) is not None:
            return value, reader.rest
    return None, reader.rest


def arrivals(wire: bytes) -> list[list[bytes]]:
    return [[wire], list(one_by_one(wire)), [wire + b"tail"]]


@pytest.mark.parametrize(
    ("name", "target", "size"),
    [
        ("probe_request.txt", "/", 0),
        ("signature_request_head.txt", "/vpnsvc/connect.cgi", 2352),
        ("login_request_head.txt", "/vpnsvc/vpn.cgi", 3890),
    ],
)
def test_captured_request_heads(name, target, size):
    wire = captured(name)
    for pieces in arrivals(wire):
        head, rest = read(http.read_request(), pieces)
        assert head is not None
        assert (head.target, head.size, head.headers["host"]) == (target, size, "10.99.0.2")
        assert rest == b"".join(pieces)[len(wire) :]


@pytest.mark.parametrize(
    ("name", "status", "size"),
    [
        ("hello_response_head.txt", 200, 1078),
        ("welcome_response_head.txt", 200, 2780),
        ("probe_response.bin", 403, 267),
    ],
)
def test_captured_response_heads(name, status, size):
    for pieces in arrivals(captured(name)):
        head, _ = read(http.read_response(), pieces)
        assert head is not None
        assert (head.status, head.size) == (status, size)


def test_our_heads_are_the_captured_ones():
    probe = captured("probe_request.txt")
    assert http.encode_probe("10.99.0.2") == probe
    signature = captured("signature_request_head.txt") + captured("signature_upload_body.bin")
    body = captured("signature_upload_body.bin")
    assert http.encode_signature("10.99.0.2", body) == signature


@pytest.mark.parametrize(
    ("head", "name"),
    [("login_request_head.txt", "login_password"), ("hello_response_head.txt", "hello")],
)
def test_our_pack_messages_are_the_captured_ones_but_for_the_date(head, name):
    pack = Pack.from_bytes(captured(f"{name}.pack"))
    lines = [one for one in captured(head).splitlines(keepends=True) if b"Date" not in one]
    ours = (
        http.encode_pack_request("10.99.0.2", pack)
        if head.startswith("login")
        else http.encode_pack_response(pack)
    )
    assert ours == b"".join(lines) + pack.to_bytes()


def test_pack_message_in_every_arrival():
    pack = Pack([integer("error", 13)])
    for grammar, wire in (
        (http.read_pack_request, http.encode_pack_request("192.0.2.1", pack)),
        (http.read_pack_response, http.encode_pack_response(pack)),
    ):
        for pieces in arrivals(wire):
            assert read(grammar(), pieces) == (pack, b"".join(pieces)[len(wire) :])


def request(*lines: str) -> bytes:
    return "".join(f"{one}\r\n" for one in lines).encode("latin-1") + b"\r\n"


@pytest.mark.parametrize(
    "wire",
    [
        request(""),
        request("GET /"),
        request("GET / HTTP/2"),
        request("GET  / HTTP/1.1"),
        request("GET / HTTP/1.1 more"),
        request("GET / HTTP/1.1", "no colon"),
        request("GET / HTTP/1.1", "empty:"),
        request("GET / HTTP/1.1", ": nameless"),
        request("GET / HTTP/1.1", "Content-Length: -1"),
        request("GET / HTTP/1.1", "Content-Length: 1e3"),
        request("GET / HTTP/1.1", "Content-Length: ²"),
        request("GET / HTTP/1.1", "Content-Length: 99999999999"),
        request("GET / HTTP/1.1", "Content-Length: 1", "content-length: 2"),
        request("GET / HTTP/1.1", "Transfer-Encoding: chunked"),
        request("GET / HTTP/1.1", *["X: y"] * 129),
    ],
)
def test_what_is_no_request_is_malformed(wire):
    for pieces in ([wire], list(one_by_one(wire))):
        with pytest.raises(Malformed):
            read(http.read_request(), pieces)


@pytest.mark.parametrize("start", ["HTTP/1.1", "HTTP/1.1 abc", "HTTP/3 200 OK", "200 OK", "SSH-2"])
def test_what_is_no_response_is_malformed(start):
    with pytest.raises(Malformed):
        read(http.read_response(), [request(start)])


def test_heads_have_limits():
    longest = "x" * (4096 - len("X: \r\n"))
    whole = request("GET / HTTP/1.1", f"X: {longest}")
    assert read(http.read_request(), [whole])[0] is not None
    with pytest.raises(LimitExceeded):
        read(http.read_request(), [request("GET / HTTP/1.1", f"X: {longest}x")])
    with pytest.raises(LimitExceeded):
        read(http.read_request(), [b"x" * 4096])
    with pytest.raises(LimitExceeded, match="16384 allowed"):
        read(http.read_request(), [request("GET / HTTP/1.1", *[f"X: {longest}"] * 5)])
    assert read(http.read_request(), [request("GET / HTTP/1.1", *["X: y"] * 128)])[0] is not None


def test_bare_line_feeds_and_status_without_words_are_taken():
    assert read(http.read_request(), [b"get / HTTP/1.0\nHost: x\n\n"])[0] == http.Request(
        "GET", "/", {"host": "x"}
    )
    assert read(http.read_response(), [b"HTTP/1.1 403\r\n\r\n"])[0] == http.Response(403, "", {})


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /vpnsvc/vpn.cgi HTTP/1.1", "Content-Type: application/octet-stream"),
        ("POST /elsewhere HTTP/1.1", "Content-Type: application/octet-stream"),
        ("POST /vpnsvc/vpn.cgi HTTP/1.1", "Content-Type: image/jpeg", "Content-Length: 4"),
        ("POST /vpnsvc/vpn.cgi HTTP/1.1", "Content-Length: 4"),
        (
            "POST /vpnsvc/vpn.cgi HTTP/1.1",
            "Content-Type: application/octet-stream; charset=x",
            "Content-Length: 4",
        ),
        ("POST /vpnsvc/vpn.cgi HTTP/1.1", "Content-Type: application/octet-stream"),
        (
            "POST /vpnsvc/vpn.cgi HTTP/1.1",
            "Content-Type: application/octet-stream",
            "Content-Length: 65537",
        ),
    ],
)
def test_where_a_pack_is_due_anything_else_is_told_3(lines):
    with pytest.raises(http.NotAPack) as caught:
        read(http.read_pack_request(), [request(*lines) + bytes(4)])
    assert caught.value.code == 3


def test_pack_type_is_compared_without_case():
    head = (
        "POST /VPNSVC/vpn.cgi HTTP/1.1",
        "CONTENT-TYPE: Application/Octet-Stream",
        "Content-Length: 4",
    )
    assert read(http.read_pack_request(), [request(*head) + bytes(4)])[0] == Pack()


@pytest.mark.parametrize("start", ["HTTP/1.1 403 Forbidden", "HTTP/1.1 200 OK"])
def test_our_client_takes_a_mebibyte_at_most(start):
    head = (start, "Content-Type: application/octet-stream", "Content-Length: 1048577")
    with pytest.raises(ProtocolError):
        read(http.read_pack_response(), [request(*head)])


def test_our_403_page_passes_for_the_real_one():
    ours, real = http.forbidden(), captured("probe_response.bin")
    page = ours.partition(b"\r\n\r\n")[2]
    assert page.startswith(real.partition(b"\r\n\r\n")[2].partition(b"access /")[0])
    assert PROBE_MARKER in page[:PROBE_WINDOW]
    assert http.is_vpn_page(page)
    assert http.is_vpn_page(real.partition(b"\r\n\r\n")[2])
    assert http.is_vpn_page(b"<html><!-- " + PROBE_MARKER)
    assert not http.is_vpn_page(http.not_found().partition(b"\r\n\r\n")[2])
    assert not http.is_vpn_page(bytes(1023) + PROBE_MARKER)


def test_a_page_announces_its_size_even_to_head():
    page = http.forbidden()
    head, _, body = page.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert http.forbidden(head_only=True) == head + b"\r\n\r\n"
