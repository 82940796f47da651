"""The administrators' page over HTTP: its files, each with what a browser may do with it.

The page loads nothing from elsewhere, runs no script but its own files, is shown in no frame and
stays in no cache. It sets no cookie: who asks is said with every call, so no other site can make a
browser call in somebody's name.
"""

from dataclasses import dataclass

from gateway.wire.http import Request, encode_response

PAGE_TARGET = "/admin/"
BARE_TARGET = "/admin"  # as people type it

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "Keep-Alive",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to one target, made once."""

    head: bytes
    body: bytes = b""

    def answer(self, request: Request) -> bytes:
        """Return the response to a GET, or to a HEAD."""
        return self.head if request.method == "HEAD" else self.head + self.body


def is_look(request: Request) -> bool:
    """Say whether a request may be for the page: it brings nothing and wants to see something."""
    return request.method in ("GET", "HEAD") and not request.size


def page(type: str, body: bytes) -> Page:
    """Return the answer that carries a file."""
    length = {"Content-Length": str(len(body)), "Content-Type": type}
    return Page(encode_response(200, "OK", {**_HEADERS, **length}), body)


def moved(target: str) -> Page:
    """Return the answer that leads to `target`."""
    where = {"Content-Length": "0", "Location": target}
    return Page(encode_response(302, "Found", {**_HEADERS, **where}))
