"""The handshake as a client: from the first byte to welcome, redirect or refusal.

      GET /, if asked to probe   ->  a page that a VPN server would show
      the signature              ->  hello
      login                      ->  welcome, then blocks
                                  |  redirect: one empty pack is left to send
                                  |  error
      additional_connect         ->  direction, then blocks  |  error

Source: spec 0.2, 1, 4, 5. At most MAX_CLIENT_BACKLOG unread bytes (1.5 MiB) and one answer of
1 MiB are held, whatever a server sends.
"""

from collections.abc import Callable, Generator
from typing import ClassVar

from gateway.errors import LimitExceeded, ProtocolError
from gateway.wire import http
from gateway.wire.codes import (
    MAX_CLIENT_BACKLOG,
    MAX_NOOPS,
    MAX_RESPONSE,
    SIGNATURE,
    ErrorCode,
)
from gateway.wire.dialogue import Dialogue, Stretch
from gateway.wire.events import Joined, Redirected, Welcomed
from gateway.wire.fields import raise_error
from gateway.wire.hello import Hello, read_hello
from gateway.wire.login import Login, encode_login
from gateway.wire.pack import Pack
from gateway.wire.redirect import read_redirect
from gateway.wire.requests import AdditionalConnect, encode_additional_connect, read_joined
from gateway.wire.welcome import read_welcome


class NotVpnServer(ProtocolError):
    """Whoever answers there does not speak this protocol. Source: spec 1.2, 1.6."""

    code: ClassVar[int] = ErrorCode.NOT_VPN_SERVER
    reason: ClassVar[str] = "not-vpn-server"


class ClientHandshake(Dialogue):
    """One connection to a server.

    `request` makes a login of the server's hello, or is the session to join; `host` is the
    server's numeric address; `padding` is 0 to 999 random bytes that go with every pack;
    `signature` is the image of real clients with a random tail, where VPNCONNECT will not do.
    """

    def __init__(
        self,
        request: Callable[[Hello], Login] | AdditionalConnect,
        *,
        host: str,
        probe: bool = False,
        padding: bytes = b"",
        signature: bytes = SIGNATURE,
    ) -> None:
        super().__init__(MAX_CLIENT_BACKLOG)
        self._request = request
        self._host = host
        self._padding = padding
        self._signature = signature
        self._begin(self._read_answers(probe))

    def _read_answers(self, probe: bool) -> Stretch:
        if probe:
            self._send(http.encode_probe(self._host))
            yield from _read_page()
        self._send(http.encode_signature(self._host, self._signature))
        hello = yield from _read_hello()
        if isinstance(self._request, AdditionalConnect):
            self._say(encode_additional_connect(self._request, self._padding))
            return Joined(read_joined((yield from _read_answer())))
        self._say(encode_login(self._request(hello), self._padding))
        answer = yield from _read_answer()
        if not answer.integer("Redirect"):
            return Welcomed(read_welcome(answer))
        redirect = read_redirect(answer)
        # With no padding there would be nothing in it, and a pack of nothing is still a pack.
        self._say(Pack.sorted([], self._padding))
        return Redirected(redirect)

    def _say(self, pack: Pack) -> None:
        self._send(http.encode_pack_request(self._host, pack))


def _read_page() -> Generator[int, bytes, None]:
    response = yield from http.read_response()
    if not 0 < response.size < MAX_RESPONSE or not http.is_vpn_page((yield response.size)):
        raise NotVpnServer("the page there is not that of a VPN server")


def _read_hello() -> Generator[int, bytes, Hello]:
    try:
        pack = yield from http.read_pack_response()
        raise_error(pack)
        return read_hello(pack)
    except ProtocolError as error:
        raise NotVpnServer(f"no hello: {error}") from error


def _read_answer() -> Generator[int, bytes, Pack]:
    for _ in range(MAX_NOOPS + 1):
        pack = yield from http.read_pack_response()
        if not pack.integer("noop"):
            raise_error(pack)
            return pack
    raise LimitExceeded(f"{MAX_NOOPS + 1} noops in a row, {MAX_NOOPS} allowed")
