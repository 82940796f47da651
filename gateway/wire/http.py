"""The little HTTP that wraps the opening exchange. Source: spec 1.2 to 1.5.

1. A body is exactly `Content-Length` bytes; chunked coding does not exist here: but for the
   administration's interface, whose callers are told so, it is no HTTP.
2. A head is read before its body is, so its reader can refuse the size it announces; what is
   no HTTP at all is refused at its first line.
3. Headers leave sorted by name, as both real sides send them. `Date` is left out: a clock is
   read at the rim only, and no peer looks at it.
4. A client's heads are the same each time but for a size, so one that has arrived whole is read by
   looking it up. How a head is cut never changes what is read.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from gateway.errors import Malformed, ProtocolError
from gateway.wire.codes import (
    API_TARGET,
    MAX_HEAD,
    MAX_HEADER_LINES,
    MAX_LINE,
    MAX_PACK_REQUEST,
    MAX_RESPONSE,
    PACK_TARGET,
    PROBE_MARKER,
    PROBE_WINDOW,
    SIGNATURE,
    SIGNATURE_IMAGE_PREFIX,
    SIGNATURE_TARGET,
    ErrorCode,
)
from gateway.wire.pack import Pack
from gateway.wire.reader import at_most, head, line

PACK_TYPE = "application/octet-stream"
PAGE_TYPE = "text/html; charset=iso-8859-1"
IMAGE_TYPE = "image/jpeg"
CHUNKED = "transfer-encoding"  # the header of a body that does not say its size

_API_HEAD = f" {API_TARGET}".encode()
_BLANK_LINE = b"\n\r\n"  # and the end of the line before
_KEEP_ALIVE = {"Connection": "Keep-Alive", "Keep-Alive": "timeout=15; max=19"}

# The pages of the real server; a client accepts what starts like the first. Source: spec 1.3.
_FORBIDDEN_START = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\r\n'
    "<HTML><HEAD>\r\n"
    "<TITLE>403 Forbidden</TITLE>\r\n"
    "</HEAD><BODY>\r\n"
    "<H1>Forbidden</H1>\r\n"
    "You don't have permission to access "
)
_PAGE = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\r\n'
    "<HTML><HEAD>\r\n"
    "<TITLE>{status} {reason}</TITLE>\r\n"
    "</HEAD><BODY>\r\n"
    "<H1>{reason}</H1>\r\n"
    "{text}<P>\r\n"
    "<HR>\r\n"
    "</BODY></HTML>\r\n"
)


class NotAPack(ProtocolError):
    """Where a pack was due something else came; a real server answers 3. Source: spec 1.2."""

    code: ClassVar[int] = ErrorCode.DISCONNECTED
    reason: ClassVar[str] = "not-a-pack"


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    size: int = 0
    "bytes of body that follow"


@dataclass(frozen=True, slots=True)
class Response:
    """The head of a response; header names in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    size: int = 0
    "bytes of body that follow"


# --- heads -------------------------------------------------------------------------------------


def encode_request(
    method: str, target: str, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    """Return a whole request; `Content-Length` is added when there is a body."""
    return _encode(f"{method} {target} HTTP/1.1", headers, body)


def read_request() -> Generator[int, bytes, Request]:
    """Read the head of a request; raises Malformed or LimitExceeded."""
    start = yield head(MAX_LINE)
    if start.endswith(_BLANK_LINE):
        # A head that carries an administrator's password is not kept.
        return (
            _read_whole(start)
            if _API_HEAD in start.partition(b"\n")[0].lower()
            else _request_of(start)
        )
    return (yield from _finish_request(start))


def _read_whole(wire: bytes) -> Request:
    """Return the head of a request that is there whole; raises as `read_request`."""
    first, *others = wire[:-1].split(b"\n")
    reading = _finish_request(first)
    try:
        next(reading)
        for other in others:
            reading.send(other)
    except StopIteration as end:
        request: Request = end.value
        return request
    raise AssertionError("a head that ends with a blank line goes on")


_request_of = lru_cache(maxsize=64)(_read_whole)


def _finish_request(first: bytes) -> Generator[int, bytes, Request]:
    """Read the rest of a head behind its first line."""
    start = _strip(first)
    match start.split(" "):
        case [method, target, version] if method and target and _is_http_1(version):
            # Published JSON-RPC clients send a header without a value: admin protocol 5.1.
            headers = yield from _read_headers(may_be_empty=is_api(target))
            # Whoever calls the interface in chunks is told so, and his connection ends.
            is_told = is_api(target) and CHUNKED in headers
            return Request(method.upper(), target, headers, 0 if is_told else _body_size(headers))
    raise Malformed(f"not a request line: {start[:80]!r}")


def is_api(target: str) -> bool:
    """Return whether a request's target belongs to the administration's HTTP interface."""
    path = target.partition("?")[0].lower()
    return path == API_TARGET or path.startswith(f"{API_TARGET}/")


def encode_response(
    status: int, reason: str, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    """Return a whole response; `Content-Length` is added when there is a body."""
    return _encode(f"HTTP/1.1 {status} {reason}", headers, body)


def read_response() -> Generator[int, bytes, Response]:
    """Read the head of a response; raises Malformed or LimitExceeded."""
    start = _strip((yield line(MAX_LINE)))
    match start.split(" ", 2):
        case [version, status, *reason] if _is_http_1(version) and _is_number(status, 3):
            headers = yield from _read_headers()
            return Response(int(status), "".join(reason), headers, _body_size(headers))
    raise Malformed(f"not a status line: {start[:80]!r}")


def _encode(start: str, headers: Mapping[str, str], body: bytes) -> bytes:
    length = {"Content-Length": str(len(body))} if body else {}
    lines = [f"{name}: {value}\r\n" for name, value in sorted({**length, **headers}.items())]
    return f"{start}\r\n{''.join(lines)}\r\n".encode("latin-1") + body


def _read_headers(*, may_be_empty: bool = False) -> Generator[int, bytes, dict[str, str]]:
    headers: dict[str, str] = {}
    total = 0
    for _ in range(MAX_HEADER_LINES + 1):
        one = _strip((yield line(MAX_LINE)))
        total = at_most(MAX_HEAD, total + len(one))
        if not one:
            return headers
        name, colon, value = one.partition(":")
        name, value = name.strip().lower(), value.strip()
        if not (colon and name and (value or may_be_empty)):
            raise Malformed(f"not a header: {one[:80]!r}")
        if headers.setdefault(name, value) != value and name == "content-length":
            raise Malformed("two sizes for one body")
    raise Malformed(f"more than {MAX_HEADER_LINES} header lines")


def _body_size(headers: Mapping[str, str]) -> int:
    if CHUNKED in headers:
        raise Malformed("a body without its size")
    size = headers.get("content-length", "0")
    if not _is_number(size, 10):
        raise Malformed(f"not a size: {size[:80]!r}")
    return int(size)


def _strip(wire: bytes) -> str:
    return wire.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1")


def _is_number(text: str, digits: int) -> bool:
    return len(text) <= digits and text.isascii() and text.isdigit()


def _is_http_1(version: str) -> bool:
    return version in ("HTTP/1.1", "HTTP/1.0")


# --- packs -------------------------------------------------------------------------------------


def encode_pack_request(host: str, pack: Pack) -> bytes:
    """Return a pack as a client posts it to `host`, the server's numeric address."""
    headers = {**_KEEP_ALIVE, "Content-Type": PACK_TYPE, "Host": host}
    return encode_request("POST", PACK_TARGET, headers, pack.to_bytes())


def read_pack_request() -> Generator[int, bytes, Pack]:
    """Read a pack a client posts, of 64 KiB at most.

    Raises NotAPack for any other request and for a size no server takes, Malformed or
    LimitExceeded for what is wrong inside.
    """
    request = yield from read_request()
    if request.method != "POST" or request.target.lower() != PACK_TARGET:
        raise NotAPack(f"{request.method} {request.target[:80]!r} where a pack was due")
    _check_pack(request, MAX_PACK_REQUEST)
    return Pack.from_bytes((yield request.size))


def encode_pack_response(pack: Pack | bytes) -> bytes:
    """Return a pack, which may be in wire form already, as a server answers it."""
    wire = pack if isinstance(pack, bytes) else pack.to_bytes()
    return _PACK_RESPONSE % len(wire) + wire


_PACK_RESPONSE = encode_response(
    200, "OK", {**_KEEP_ALIVE, "Content-Type": PACK_TYPE, "Content-Length": "%d"}
)


def read_pack_response() -> Generator[int, bytes, Pack]:
    """Read a pack a server answers, of 1 MiB at most; raises like `read_pack_request`."""
    response = yield from read_response()
    if response.status != 200:
        raise NotAPack(f"status {response.status} where a pack was due")
    _check_pack(response, MAX_RESPONSE)
    return Pack.from_bytes((yield response.size))


def _check_pack(head: Request | Response, limit: int) -> None:
    type = head.headers.get("content-type", "")
    if type.lower() != PACK_TYPE:
        raise NotAPack(f"{type[:80]!r} where a pack was due")
    if not 0 < head.size <= limit:
        raise NotAPack(f"{head.size} bytes of pack announced, 1 to {limit} allowed")


# --- the probe, the signature and the pages ----------------------------------------------------


def encode_probe(host: str) -> bytes:
    """Return the question "is this a VPN server?" as build 9674 asks it, order and all."""
    lines = (
        "GET / HTTP/1.1",
        "X-VPN: 1",
        f"Host: {host}",
        "Keep-Alive: timeout=15; max=19",
        "Connection: Keep-Alive",
        "Accept-Language: ja",
        "User-Agent: Mozilla/5.0 (Windows NT 6.3; WOW64; rv:29.0) Gecko/20100101 Firefox/29.0",
        "Pragma: no-cache",
        "Cache-Control: no-cache",
    )
    return "".join(f"{one}\r\n" for one in lines).encode("latin-1") + b"\r\n"


def is_vpn_page(page: bytes) -> bool:
    """Return whether a client that probed would go on. Source: spec 1.3."""
    window = page[:PROBE_WINDOW]
    return window.startswith(_FORBIDDEN_START.encode()) or PROBE_MARKER in window


def encode_signature(host: str, body: bytes) -> bytes:
    """Return the request that opens the exchange: `body` is SIGNATURE or the image and a tail."""
    headers = {"Connection": "Keep-Alive", "Content-Type": IMAGE_TYPE, "Host": host}
    return encode_request("POST", SIGNATURE_TARGET, headers, body)


def is_signature(body: bytes) -> bool:
    """Return whether a body of an allowed size opens the exchange. Source: spec 1.4."""
    return body == SIGNATURE or body.startswith(SIGNATURE_IMAGE_PREFIX)


def encode_page(status: int, reason: str, text: str, *, head_only: bool = False) -> bytes:
    """Return a page of the real server's looks; `head_only` answers HEAD."""
    page = _PAGE.format(status=status, reason=reason, text=text).encode("latin-1")
    headers = {**_KEEP_ALIVE, "Content-Type": PAGE_TYPE, "Content-Length": str(len(page))}
    return encode_response(status, reason, headers, b"" if head_only else page)


@lru_cache
def forbidden(*, head_only: bool = False) -> bytes:
    """Return the 403 page, by which stock clients recognise a VPN server."""
    text = (
        "You don't have permission to access /\r\n"
        f"on this server.\r\n<!-- {PROBE_MARKER.decode()} -->"
    )
    return encode_page(403, "Forbidden", text, head_only=head_only)


def not_found(*, head_only: bool = False) -> bytes:
    """Return the 404 page. The target is not echoed: it is a stranger's text."""
    text = "The requested URL was not found on this server."
    return encode_page(404, "Not Found", text, head_only=head_only)


def not_implemented() -> bytes:
    """Return the 501 page."""
    return encode_page(501, "Method Not Implemented", "The method is not supported.")
