"""Administrators' connections: calls in, answers out, over the port that clients use.

Two ways to say the same. Binary: after the opening exchange and a login, framed packs, one at a
time. HTTP: requests under `/api`, each with its password. Behind both is `gateway.admin.rpc`.

An administrator's connection leaves the dialogues when it is let in, so it holds none of their
places; it has places of its own, and ends when it was idle for long, which tools mend by logging in
again (spec 6.4).
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ParamSpec, TypeVar

import gevent
import structlog
from gevent.pool import Group

from coordinator.errors import CoordinatorError
from coordinator.times import utc_now
from gateway.admin import administrators
from gateway.admin.administrators import Caller
from gateway.admin.rpc.dispatch import Answer, carry_out
from gateway.admin.rpc.method import Context
from gateway.errors import ProtocolError, Refused
from gateway.node.admin_places import AdminPlaces, Place
from gateway.node.alarm import Alarms
from gateway.node.aside import in_thread
from gateway.node.attempts import ADMINISTRATORS, Attempts
from gateway.node.listener import source_of
from gateway.transport.opening import Opening
from gateway.wire import http, http_api, http_page, jsonrpc, rpc
from gateway.wire.codes import MAX_API_REQUEST, MAX_HEAD, MAX_RPC_REQUEST, ErrorCode
from gateway.wire.http import Request
from gateway.wire.http_page import Page
from gateway.wire.pack import Pack
from gateway.wire.reader import Reader
from gateway.wire.requests import AdminLogin

log = structlog.get_logger()

MAX_STRANGERS = 100  # of those served, who have shown no password: nobody shuts administrators out
IDLE_S = 600.0  # a binary connection between two calls
HTTP_IDLE_S = 60.0
STRANGER_IDLE_S = 5.0  # without a right password so far
MESSAGE_S = 20.0  # from the first byte of a call to its last, and for its answer to leave
BACKLOG = 64 * 1024  # bytes behind a call, of the next one

ASIDE_BYTES = 32 * 1024  # some 5 ms of work
ROW_BYTES = 200  # about

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Visit:
    """A connection to the HTTP interface."""

    opening: Opening
    is_known: bool = False
    """Some request on it showed a right password."""


class Administration:
    """Lets administrators in and serves their connections, a greenlet each."""

    def __init__(
        self, context: Context, count: Callable[[str], None], pages: Mapping[str, Page]
    ) -> None:
        """`count(reason)` counts what was refused; `pages` are the page's files by target."""
        self.pages = pages
        self._context = context
        self._count = count
        alarms = Alarms(context.fleet, context.live.node)
        self._attempts = Attempts(ADMINISTRATORS, context.fleet.attempts, alarms.tell)
        self._watching: gevent.Greenlet[..., None] | None = None
        self._served = Group()
        self.places = AdminPlaces(context.fleet)
        self._strangers = 0
        """Connections to the HTTP interface that have shown no right password so far."""

    def admit(self, login: AdminLogin, random: bytes, opening: Opening) -> Caller:
        """Return who proves to be an administrator. Raises Refused, StoreError, SealBroken."""
        host = opening.peer_address
        is_local = is_loopback(host)
        with self._attempts.attempt(host, _account(login.hub or "")):
            caller = administrators.by_proof(
                self._context.fleet,
                login.hub,
                login.proof,
                random,
                opening.peer,
                is_local=is_local,
                now=utc_now(),
            )
        log.info("administrator in", who=caller.name, address=opening.peer, tool=login.client_name)
        return caller

    def has_place(self, opening: Opening, *, for_api: bool = False) -> bool:
        """Say whether one more connection of this peer may be served; `for_api`: it has not shown a
        password yet."""
        is_free = self.places.has_room(source_of(opening.peer_address))
        return is_free and not (for_api and self._strangers >= MAX_STRANGERS)

    def serve_calls(self, opening: Opening, caller: Caller, trailing: bytes) -> None:
        """Serve the binary calls of a connection from here on."""
        self._start(opening, caller, lambda place: self._calls(opening, place, caller, trailing))

    def serve_api(self, opening: Opening, request: Request, trailing: bytes) -> None:
        """Serve HTTP requests of a connection from here on; the head of the first was read."""
        self._start(opening, None, lambda _place: self._requests(opening, request, trailing))

    def stop(self) -> None:
        """End every connection, orderly."""
        self._served.kill()

    # -- connections ---------------------------------------------------------------------------

    def _start(
        self, opening: Opening, caller: Caller | None, serve: Callable[[Place], None]
    ) -> None:
        place = self.places.take(
            opening.peer,
            source_of(opening.peer_address),
            caller,
            lambda place: self._serve(opening, place, serve),
        )
        self._served.start(place.greenlet)
        if caller is not None and not self._watching:
            self._watching = self._served.spawn(self.places.watch)

    def _serve(self, opening: Opening, place: Place, serve: Callable[[Place], None]) -> None:
        try:
            serve(place)
        except (ProtocolError, OSError) as error:  # its end, for one
            log.debug("administrator's connection ended", address=opening.peer, why=str(error))
        except Exception:
            log.exception("administrator's connection ended by a fault of ours")
            self._count("internal")
        finally:
            self.places.leave(place)
            opening.close()

    # -- binary calls --------------------------------------------------------------------------

    def _calls(self, opening: Opening, place: Place, caller: Caller, trailing: bytes) -> None:
        reader: Reader[Pack] = Reader(MAX_RPC_REQUEST + BACKLOG)
        reader.receive(trailing)
        while True:
            try:
                call = _read(opening, reader, rpc.read_call(), IDLE_S)
            except ProtocolError as error:
                _write(opening, rpc.encode_call_error(error.code))
                raise
            name = rpc.function_of(call)
            place.is_calling = True
            answer = self._carry_out(caller, name, call)
            if isinstance(answer, Refused):
                place.is_calling = False
                _write(opening, rpc.encode_call_error(answer.code))
            else:
                place.caller = caller = answer.caller
                place.is_calling = False
                _write(opening, _aside(_size(answer), _encode_call, answer))

    def _carry_out(self, caller: Caller, name: str, asked: Pack) -> Answer | Refused:
        """Return the answer to a call, or why there is none; a fault of ours is 23."""
        words = log.bind(method=name[:80], who=caller.name, address=caller.address)
        try:
            answer = carry_out(self._context, caller, name, asked, utc_now())
        except Refused as error:
            if error.code == ErrorCode.INTERNAL_ERROR:
                words.warning("call not carried out", why=str(error.__cause__ or error))
            else:
                words.debug("call refused", code=int(error.code), why=str(error))
            return error
        except Exception:
            words.exception("call failed by a fault of ours")
            return Refused(ErrorCode.INTERNAL_ERROR, "internal error", "internal")
        if answer.is_change:
            words.info("administered")
        return answer

    # -- HTTP ----------------------------------------------------------------------------------

    def _requests(self, opening: Opening, request: Request, trailing: bytes) -> None:
        visit = _Visit(opening)
        body: Reader[bytes] = Reader(MAX_API_REQUEST + MAX_HEAD + BACKLOG)
        body.receive(trailing)
        self._strangers += 1
        try:
            while True:
                goes_on = self._respond(visit, request, body)
                if not goes_on or request.headers.get("connection", "").lower() == "close":
                    return
                head: Reader[Request] = Reader(body.limit)
                head.receive(body.rest)
                idle_s = HTTP_IDLE_S if visit.is_known else STRANGER_IDLE_S
                request = _read(opening, head, http.read_request(), idle_s)
                if not http.is_api(request.target) and request.target not in self.pages:
                    _write(opening, http.not_found())
                    return
                body = Reader(body.limit)
                body.receive(head.rest)
        finally:
            self._strangers -= not visit.is_known

    def _respond(self, visit: "_Visit", request: Request, reader: Reader[bytes]) -> bool:
        """Answer one request; false when the connection must end behind it."""
        opening = visit.opening
        if (page := self.pages.get(request.target)) is not None:
            is_look = http_page.is_look(request)
            _write(opening, page.answer(request) if is_look else http.not_found())
            return is_look
        if http.CHUNKED in request.headers:
            _write(opening, http_api.length_required())
            return False
        if request.size > MAX_API_REQUEST:
            _write(opening, http_api.too_large(MAX_API_REQUEST))
            return False
        caller: Caller | bytes = http_api.options()
        if request.method != "OPTIONS":
            if http_api.is_cross_site(request):
                self._count("admin-cross-site")
                log.info("another site's request refused", address=opening.peer)
                _write(opening, http_api.forbidden())
                return False
            try:
                caller = self._caller_of(opening, request)
            except CoordinatorError as error:
                self._count("store-unavailable")
                log.warning("administrator refused", address=opening.peer, why=str(error))
                _write(opening, http_api.unavailable("The store does not answer"))
                return False
            if isinstance(caller, Caller) and not visit.is_known:
                visit.is_known = True
                self._strangers -= 1
            if isinstance(caller, bytes) and request.size > BACKLOG:
                _write(opening, caller)
                return False
        if "100-continue" in request.headers.get("expect", "").lower():
            _write(opening, b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _read(opening, reader, _body(request.size), MESSAGE_S) if request.size else b""
        if isinstance(caller, bytes):
            _write(opening, caller)
        else:
            _write(opening, self._answer(caller, request, body))
        return True

    def _caller_of(self, opening: Opening, request: Request) -> Caller | bytes:
        """Return who makes a request, or the response that refuses it. Raises CoordinatorError:
        nobody can tell now."""
        shown = http_api.read_credentials(request)
        if shown is None:
            return http_api.unauthorized()
        fleet, peer, now = self._context.fleet, opening.peer, utc_now()
        try:
            account = _account(shown.hub)
            with self._attempts.attempt(opening.peer_address, account, shown.digest()):
                if shown.is_token:
                    return administrators.by_token(fleet, shown.password, peer, now=now)
                return administrators.by_password(fleet, shown.hub, shown.password, peer, now=now)
        except Refused as error:
            self._count(error.reason)
            log.info("administrator refused", address=peer, reason=error.reason, why=str(error))
            if error.reason == ADMINISTRATORS.reason:
                return http_api.too_many_attempts()
            return http_api.unauthorized()

    def _answer(self, caller: Caller, request: Request, body: bytes) -> bytes:
        """Return the response to a request of an administrator."""
        match request.method:
            case "POST" if http_api.is_call(request.target):
                return http_api.answer(self._json(caller, body))
            case "GET":
                return self._get(caller, request.target)
            case "POST":
                return http_api.forbidden()
            case _:
                return http_api.not_implemented()

    def _get(self, caller: Caller, target: str) -> bytes:
        try:
            method, parameters = http_api.read_query(target)
            if not method:
                return http_api.index()
            said = self._json_answer(caller, method, jsonrpc.to_pack(parameters), utc_now())
        except ValueError as error:
            said = jsonrpc.encode_error(None, ErrorCode.INVALID_PARAMETER, str(error))
        return http_api.answer(said, http_api.TEXT_TYPE)

    def _json(self, caller: Caller, body: bytes) -> bytes:
        try:
            call = _aside(len(body), jsonrpc.read_request, body)
        except jsonrpc.BadRequest as error:
            return jsonrpc.encode_error(error.id, error.code, str(error))
        return self._json_answer(caller, call.method, call.params, call.id)

    def _json_answer(self, caller: Caller, name: str, asked: Pack, id: jsonrpc.Id) -> bytes:
        answer = self._carry_out(caller, name, asked)
        if isinstance(answer, Refused):
            return jsonrpc.encode_error(id, answer.code, str(answer))
        return _aside(_size(answer), _encode_json, answer, id)


def _account(name: str) -> str:
    """Return whose password is guessed at, by the name that was typed."""
    return name.removeprefix(administrators.AT).lower() or "administrator"


def is_loopback(host: str) -> bool:
    """Say whether an address is this machine's own."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _read(
    opening: Opening, reader: Reader[T], grammar: Generator[int, bytes, T], idle_s: float
) -> T:
    """Read one message: `idle_s` for it to begin, MESSAGE_S for the rest of it."""
    reader.begin(grammar)
    found = reader.advance()
    if found is None and not reader.rest:
        with opening.deadline(idle_s):
            reader.receive(opening.read())
        found = reader.advance()
    with opening.deadline(MESSAGE_S):
        while found is None:
            reader.receive(opening.read())
            found = _aside(reader.size, reader.advance)
    return found


def _encode_call(answer: Answer) -> bytes:
    return rpc.encode_call_result(answer.elements())


def _encode_json(answer: Answer, id: jsonrpc.Id) -> bytes:
    return jsonrpc.encode_result(id, answer.to_json())


def _size(answer: Answer) -> int:
    """Return about how many bytes an answer will have."""
    rows = sum(len(value) for value in answer.values.values() if isinstance(value, list))
    return rows * ROW_BYTES


def _aside(size: int, work: Callable[P, T], *args: P.args, **words: P.kwargs) -> T:
    """Do work on `size` bytes; much of it in another thread, because here all frames would wait.

    `work` touches nothing that others touch meanwhile.
    """
    if size < ASIDE_BYTES:
        return work(*args, **words)
    return in_thread(work, *args, **words)


def _body(size: int) -> Generator[int, bytes, bytes]:
    return (yield size)


def _write(opening: Opening, data: bytes) -> None:
    with opening.deadline(MESSAGE_S):
        opening.write(data)
