"""The handshake as a server: from the first byte to welcome, redirect or refusal.

      GET / (and other junk, 19 times at most)  ->  a page; stock clients insist on the 403 one
      /api, any method, also behind some junk   ->  (the administration's, see `http_api`)
      GET /admin/ and its files, if they are on ->  (the same, see `http_page`)
      POST connect.cgi, the signature           ->  hello
      POST vpn.cgi, noop (30 times at most)     ->  noop
      POST vpn.cgi, login                       ->  welcome, then blocks
                                                 |  redirect, then one empty pack is awaited
                                                 |  error
      POST vpn.cgi, additional_connect          ->  direction, then blocks        |  error
      POST vpn.cgi, admin                       ->  a pack without `error`        |  error
      POST vpn.cgi, password or enum_hub        ->  `error` = 0 or names          |  error

Source: spec 1.3 to 1.7, 3, 5.2, 6.4, 8. Before the login at most MAX_SERVER_BACKLOG unread bytes
(128 KiB) and one head or pack (64 KiB) are held.
"""

from collections.abc import Callable, Container, Generator, Sequence

from gateway.errors import LimitExceeded, Malformed, ProtocolError
from gateway.wire import http
from gateway.wire.codes import (
    MAX_NOOPS,
    MAX_REQUESTS_BEFORE_SIGNATURE,
    MAX_SERVER_BACKLOG,
    MAX_SIGNATURE,
    MIN_SIGNATURE,
    SIGNATURE_TARGET,
    Direction,
    ErrorCode,
    Noop,
)
from gateway.wire.dialogue import Dialogue, Stretch
from gateway.wire.events import (
    AdditionalConnectRequested,
    AdminRequested,
    ApiRequested,
    Event,
    Finished,
    HubsRequested,
    LoginRequested,
    PasswordChangeRequested,
)
from gateway.wire.fields import encode_error
from gateway.wire.hello import Hello, hello_to_bytes
from gateway.wire.http_page import is_look
from gateway.wire.login import read_login
from gateway.wire.pack import Pack, integer
from gateway.wire.redirect import Redirect, encode_redirect
from gateway.wire.requests import (
    encode_admin_welcome,
    encode_hub_names,
    encode_joined,
    read_additional_connect,
    read_admin_login,
    read_password_change,
)
from gateway.wire.welcome import Welcome, welcome_to_bytes

_WISHES: dict[str, Callable[[Pack], Event]] = {
    "login": lambda pack: LoginRequested(read_login(pack)),
    "additional_connect": lambda pack: AdditionalConnectRequested(read_additional_connect(pack)),
    "admin": lambda pack: AdminRequested(read_admin_login(pack)),
    "password": lambda pack: PasswordChangeRequested(read_password_change(pack)),
    "enum_hub": lambda _: HubsRequested(),
}


class ServerHandshake(Dialogue):
    """One accepted connection. `padding` (0 to 999 random bytes) goes with every pack we send.

    `pages` are the targets of the administrators' page; without any it is as if there were none.
    """

    def __init__(
        self, hello: Hello, *, padding: bytes = b"", pages: Container[str] = frozenset()
    ) -> None:
        super().__init__(MAX_SERVER_BACKLOG)
        self._hello = hello
        self._padding = padding
        self._pages = pages
        self._wish: Event | None = None
        self._begin(self._read_opening())

    # --- answers -------------------------------------------------------------------------------

    def welcome(self, welcome: Welcome) -> None:
        """Let a login in; blocks follow in both directions."""
        self._answer(LoginRequested, welcome_to_bytes(welcome, self._padding))

    def redirect(self, redirect: Redirect) -> None:
        """Send a login elsewhere; Finished comes with the client's acknowledgement."""
        self._answer(LoginRequested, encode_redirect(redirect, self._padding))
        self._begin(self._read_acknowledgement())

    def accept_additional(self, direction: Direction) -> None:
        """Let a connection join; blocks follow, in `direction` only."""
        self._answer(AdditionalConnectRequested, encode_joined(direction, self._padding))

    def accept_admin(self, *, empty_password: bool = False) -> None:
        """Let an administrator in; framed calls follow."""
        pack = encode_admin_welcome(empty_password=empty_password, padding=self._padding)
        self._answer(AdminRequested, pack)

    def confirm(self) -> None:
        """Say that a password was changed; Finished comes next."""
        done = Pack.sorted([integer("error", ErrorCode.NO_ERROR)], self._padding)
        self._answer(PasswordChangeRequested, done)
        self._finish()

    def list_hubs(self, names: Sequence[str]) -> None:
        """Name the hubs; Finished comes next."""
        self._answer(HubsRequested, encode_hub_names(names, self._padding))
        self._finish()

    def refuse(self, code: int) -> None:
        """Say no with an ErrorCode; Finished comes next. Does nothing when all is over already.

        Before the signature there is no way to say it, and the dialogue just ends.
        """
        if self._is_over:
            return
        if self._wish is not None:
            self._say(encode_error(code, self._padding))
        self._finish()

    # --- what is read --------------------------------------------------------------------------

    def _read_opening(self) -> Stretch:
        api_request = yield from self._read_signature()
        if api_request is not None:
            self._is_over = True
            return ApiRequested(api_request)
        self._say(hello_to_bytes(self._hello, self._padding))
        try:
            self._wish = yield from self._read_wish()
        except ProtocolError as error:
            self._say(encode_error(error.code, self._padding))
            raise
        return self._wish

    def _read_signature(self) -> Generator[int, bytes, http.Request | None]:
        """Read up to the signature; return the request that asks for something else instead."""
        for _ in range(MAX_REQUESTS_BEFORE_SIGNATURE + 1):
            request = yield from http.read_request()
            if http.is_api(request.target):
                return request
            least = MIN_SIGNATURE if request.method == "POST" else 0
            if not least <= request.size <= MAX_SIGNATURE:
                self._send(http.forbidden())
                raise LimitExceeded(f"{request.size} bytes posted, {MAX_SIGNATURE} allowed")
            body = yield request.size
            if _is_signature(request, body):
                return None
            if request.target in self._pages and is_look(request):
                return request
            self._send(_page(request))
        allowed = MAX_REQUESTS_BEFORE_SIGNATURE
        raise LimitExceeded(f"{allowed + 1} requests before the signature, {allowed} allowed")

    def _read_wish(self) -> Generator[int, bytes, Event]:
        for _ in range(MAX_NOOPS + 1):
            pack = yield from http.read_pack_request()
            noop = pack.integer("noop")
            if noop == Noop.REQUEST:
                answer = [integer("error", 0), integer("noop", Noop.ANSWER)]
                self._say(Pack.sorted(answer, self._padding))
            elif noop != Noop.ANSWER:
                return _wish(pack)
        raise LimitExceeded(f"{MAX_NOOPS + 1} noops in a row, {MAX_NOOPS} allowed")

    def _read_acknowledgement(self) -> Stretch:
        yield from http.read_pack_request()
        return Finished()

    # --- what is said --------------------------------------------------------------------------

    def _answer(self, kind: type[Event], pack: Pack | bytes) -> None:
        assert isinstance(self._wish, kind), f"no {kind.__name__} to answer"
        assert not self._is_over, "answered already"
        self._is_over = True
        self._say(pack)

    def _say(self, pack: Pack | bytes) -> None:
        self._send(http.encode_pack_response(pack))


def _wish(pack: Pack) -> Event:
    method = (pack.text("method") or "").lower()
    if method not in _WISHES:
        raise Malformed(f"method {method[:80]!r} is not served")
    return _WISHES[method](pack)


def _is_signature(request: http.Request, body: bytes) -> bool:
    is_there = request.method == "POST" and request.target.lower() == SIGNATURE_TARGET
    return is_there and http.is_signature(body)


def _page(request: http.Request) -> bytes:
    """Return what a real server answers to anything but a signature. Source: spec 1.4, 1.5."""
    head_only = request.method == "HEAD"
    match request.method, request.target.lower():
        case ("GET" | "HEAD", "/"):
            return http.forbidden(head_only=head_only)
        case ("POST", target) if target == SIGNATURE_TARGET:
            return http.forbidden()
        case ("GET" | "HEAD" | "POST", _):
            return http.not_found(head_only=head_only)
        case _:
            return http.not_implemented()
