"""Access rules with a URL: who asks for a page is shown another one.

Such a rule decides as any other does, but takes the data out of TCP: the first segment with data is
answered, in the name of the station it was for, by an HTTP redirect to the rule's URL, whatever was
asked. What opens, acknowledges or ends a connection goes on as the rule says, so there is one to
answer on.

The station asked never sees the question. It gets the segment as a reset: one that had been left
with half a conversation would argue about every acknowledgement with a peer that has read what it
never wrote. Neither is remembered here, so whoever repeats himself is answered again.

`<INFO>` in a URL becomes `user|session|address|time`; with a secret, behind the last `|` of such a
URL, `|` and the SHA-1 of all that and the secret follow, for the page to check.

Source: the reference's `ForceRedirectToUrl` and `BuildRedirectToUrlPayload`. It sends no reset,
miscounts the page's length, and puts in `<INFO>` only where there is a secret.
"""

from dataclasses import dataclass
from hashlib import sha1
from html import escape
from string import punctuation
from typing import NamedTuple
from urllib.parse import quote

from coordinator.access import INFO, split_secret
from gateway.hub.frame_facts import ACK, FIN, RST, SYN, TCP, Facts, Layer, read_facts
from gateway.wire.ethernet import read_header

MAX_ANSWER = 1400  # bytes of HTTP: what any path takes in one frame

_PSH, _URG = 0x08, 0x20
_TTL = 64
_WINDOW = 0xFFFF
_LITERAL = punctuation.translate({ord(c): None for c in '<>"\\^`{}'})


@dataclass(frozen=True, slots=True)
class Redirection:
    """What a rule with a URL does."""

    url: str
    otherwise: str
    """The verdict on frames that cannot be answered, as without the URL."""

    def __str__(self) -> str:
        """Return it as the verdict on a frame; two are equal if they say the same."""
        return f"redirected to {self.url}, or {self.otherwise!r}"


class Redirected(NamedTuple):
    """What becomes of a segment: both are frames."""

    answer: bytes
    """For who sent it."""
    reset: bytes
    """Goes on in its place."""


def may_hold_question(facts: Facts) -> bool:
    """Say whether a frame may have data of a TCP connection that stands. Flows share the answer:
    whether it has is seen frame by frame."""
    if facts.tcp_flags < 0 or facts.layer not in (Layer.IPV4, Layer.IPV6):
        return False
    return facts.tcp_flags & (ACK | SYN | RST | _URG) == ACK


def redirect(frame: bytes, url: str, visitor: str) -> Redirected | None:
    """Return the answer to a frame's data, and what goes on; None for a frame without data.

    `frame` is one of which `may_hold_question`; `visitor` is what `<INFO>` stands for.
    """
    facts = read_facts(frame)
    header = read_header(frame)
    if facts.l4 < 0 or header is None:
        return None
    tcp, ip = facts.l4, header.payload
    begins, ends = tcp + 4 * (frame[tcp + 12] >> 4), _end_of(frame, ip, facts.layer)
    if begins < tcp + 20 or ends > len(frame) or begins >= ends:
        return None
    type_and_tags = frame[12:ip]
    ports = frame[tcp : tcp + 4]
    sequence, acknowledged = frame[tcp + 4 : tcp + 8], frame[tcp + 8 : tcp + 12]
    is_last = facts.tcp_flags & FIN
    next_wanted = int.from_bytes(sequence) + ends - begins + is_last
    answer = _packet(
        Facts(b"", b"", 0, facts.layer, facts.destination, facts.source),
        ports[2:] + ports[:2] + acknowledged + (next_wanted & 0xFFFF_FFFF).to_bytes(4),
        ACK | _PSH,
        _page(_location(url, visitor)),
    )
    reset = _packet(facts, ports + sequence + acknowledged, ACK | RST)
    return Redirected(
        frame[6:12] + frame[:6] + type_and_tags + answer, frame[:12] + type_and_tags + reset
    )


def _end_of(frame: bytes, ip: int, layer: Layer) -> int:
    """Return where a packet ends; its frame may go on with padding."""
    if layer is Layer.IPV4:
        return ip + int.from_bytes(frame[ip + 2 : ip + 4])
    return ip + 40 + int.from_bytes(frame[ip + 4 : ip + 6])


def _location(url: str, visitor: str) -> str:
    """Return the URL for a visitor, fit for a line of HTTP."""
    url = url.strip()
    if INFO in url:
        url, secret = split_secret(url)
        if secret:
            visitor += "|"
            visitor += sha1((visitor + secret).encode(), usedforsecurity=False).hexdigest().upper()
        url = url.replace(INFO, visitor)
    return quote(url, safe=_LITERAL, errors="surrogatepass")


def _page(location: str) -> bytes:
    """Return the whole HTTP answer, in one segment: without a page if there is no room for it."""
    link = escape(location)
    body = (
        f"<html><head><title>Object moved</title></head>"
        f'<body><h2>Object moved to <a href="{link}">here</a>.</h2></body></html>\r\n'
    )
    head = (
        f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nCache-Control: private\r\n"
        f"Connection: close\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: "
    )
    whole = f"{head}{len(body)}\r\n\r\n{body}"
    return (whole if len(whole) <= MAX_ANSWER else f"{head}0\r\n\r\n").encode()


def _packet(ends: Facts, ports_and_numbers: bytes, flags: int, data: bytes = b"") -> bytes:
    """Return an IP packet of TCP between the addresses of `ends`, without options."""
    length = 20 + len(data)
    head = ports_and_numbers + bytes([0x50, flags]) + _WINDOW.to_bytes(2)
    pseudo = ends.source + ends.destination + TCP.to_bytes(4) + length.to_bytes(4)
    check = _checksum(pseudo + head + bytes(4) + data)
    segment = head + check + bytes(2) + data
    if ends.layer is Layer.IPV6:
        v6 = b"\x60\0\0\0" + length.to_bytes(2) + bytes([TCP, _TTL])
        return v6 + ends.source + ends.destination + segment
    v4 = b"\x45\0" + (20 + length).to_bytes(2) + b"\0\0\x40\0" + bytes([_TTL, TCP])
    addresses = ends.source + ends.destination
    return v4 + _checksum(v4 + bytes(2) + addresses) + addresses + segment


def _checksum(data: bytes) -> bytes:
    """Return the sum of RFC 1071 over `data`, which is not all zeros, with its field as zeros."""
    total = int.from_bytes(data + b"\0" * (len(data) % 2)) % 0xFFFF
    return (~(total or 0xFFFF) & 0xFFFF).to_bytes(2)
