"""The administration's HTTP interface: credentials in, calls in, answers out. Source: spec 5.1.

    POST /api or /api/            a JSON-RPC request
    GET /api/<Method>?name=value  the same call for a browser or a shell
    OPTIONS                       what is offered; needs no password

Nothing here lets a page of another site read an answer: no `Access-Control-Allow-Origin` is sent.
Nor may it ask: a browser that was told the password would send it along (`is_cross_site`).
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from gateway.wire.codes import API_TARGET
from gateway.wire.http import Request, encode_page, encode_response, is_api

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=UTF-8"
HTML_TYPE = "text/html; charset=utf-8"
MAX_PARAMETERS = 1000  # of a GET

_HEADERS = {
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": "X-VPNADMIN-HUBNAME,X-VPNADMIN-PASSWORD",
    "Access-Control-Allow-Methods": "OPTIONS,GET,POST",
    "Cache-Control": "no-cache",
    "Connection": "Keep-Alive",
    "X-Content-Type-Options": "nosniff",
}
_REALM = (
    "Username 'administrator' for the whole fleet, or a hub's name and its administrator's password"
)
_INDEX = """<!DOCTYPE html>
<html><head><title>EtherFleet JSON-RPC</title></head><body>
<h1>EtherFleet JSON-RPC</h1>
<p>POST a JSON-RPC 2.0 request to /api/ with X-VPNADMIN-PASSWORD (and X-VPNADMIN-HUBNAME for one
hub or a named administrator), with basic authentication, or with a token as Authorization: Bearer,
or GET /api/Method?Name_str=value. The calls are those of SoftEther VPN Server.</p>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a request says it comes from."""

    hub: str
    """A hub's or an administrator's name. Empty or `administrator`: the whole fleet."""
    password: str = field(repr=False)
    is_token: bool = False
    """It stands for itself, without a name."""

    def digest(self) -> bytes:
        """Return what tells one password from another."""
        return hashlib.sha256(self.password.encode("utf-8", "replace")).digest()


def read_credentials(request: Request) -> Credentials | None:
    """Return what a request shows: its own headers first, then a token or basic authentication;
    None if it shows nothing that can be read."""
    headers = request.headers
    if "x-vpnadmin-password" in headers:
        hub = _text(headers.get("x-vpnadmin-hubname", ""))
        return Credentials(hub, _text(headers["x-vpnadmin-password"]))
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and encoded.strip():
        return Credentials("", _text(encoded.strip()), is_token=True)
    if scheme.lower() != "basic":
        return None
    try:
        shown = base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
    user, colon, password = shown.partition(":")
    return Credentials(user, password) if colon else None


def is_cross_site(request: Request) -> bool:
    """Return whether a browser sends this for a page of another site, with the password it keeps.

    Browsers say so; what is not a browser says nothing. Whoever shows the password in a header of
    ours wrote the request himself: no page can do that to another site unasked.
    """
    headers = request.headers
    if "x-vpnadmin-password" in headers or not is_api(request.target):
        return False
    if site := headers.get("sec-fetch-site"):
        return site.lower() not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.lower() != f"https://{headers.get('host', '').lower()}"


def is_call(target: str) -> bool:
    """Return whether a POST to `target` is a JSON-RPC request."""
    return target.partition("?")[0].lower().rstrip("/") == API_TARGET


def read_query(target: str) -> tuple[str, dict[str, str]]:
    """Return method and parameters of a GET; no method for the interface itself.

    Raises ValueError for too many parameters, and for one that occurs twice.
    """
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise ValueError("a parameter occurs twice")
    return unquote(path[len(API_TARGET) :]).strip("/"), parameters


def answer(body: bytes, type: str = JSON_TYPE) -> bytes:
    """Return the response that carries `body`."""
    return _response(200, "OK", body, {"Content-Type": type})


def options() -> bytes:
    """Return the answer to OPTIONS."""
    more = {"Allow": "OPTIONS, GET, POST", "Content-Type": HTML_TYPE}
    return _response(200, "OK", b"", more)


def index() -> bytes:
    """Return what a browser sees at the interface itself."""
    return answer(_INDEX.encode(), HTML_TYPE)


def unauthorized() -> bytes:
    """Return the refusal that makes browsers ask for a password."""
    page = (
        b"<!DOCTYPE html><html><body><h1>Administrative authentication required</h1></body></html>"
    )
    more = {"Content-Type": HTML_TYPE, "WWW-Authenticate": f'Basic realm="{_REALM}"'}
    return _response(401, "Unauthorized", page, more)


def too_many_attempts() -> bytes:
    """Return the refusal of whoever gave too many wrong passwords: this one was not looked at."""
    more = {"Content-Type": HTML_TYPE, "Retry-After": "5"}
    page = b"<!DOCTYPE html><html><body><h1>Too many wrong passwords; try later</h1></body></html>"
    return _response(429, "Too Many Requests", page, more)


def forbidden() -> bytes:
    """Return the answer to a POST that is not to the interface itself."""
    return encode_page(403, "Forbidden", "You don't have permission to access this.")


def too_large(most: int) -> bytes:
    """Return the refusal of a body over `most` bytes; the connection ends behind it."""
    return encode_page(413, "Content Too Large", f"{most} bytes are allowed.")


def length_required() -> bytes:
    """Return the refusal of a body that comes in chunks; the connection ends behind it."""
    return encode_page(411, "Length Required", "A body must say its size (Content-Length).")


def unavailable(why: str = "Too many administrators") -> bytes:
    """Return the refusal of what may be asked again a moment later."""
    return encode_page(503, "Service Unavailable", f"{why}; try again.")


def not_implemented() -> bytes:
    """Return the answer to a method that is none of ours."""
    return encode_page(501, "Method Not Implemented", "The method is not supported.")


def _response(status: int, reason: str, body: bytes, more: Mapping[str, str]) -> bytes:
    length = {"Content-Length": str(len(body))}
    return encode_response(status, reason, {**_HEADERS, **more, **length}, body)


def _text(header: str) -> str:
    """Return a header as the UTF-8 it is: heads are read a character per byte."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")
