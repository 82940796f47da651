"""The dialogue with a client, from the first byte to the data phase, a refusal or a close.

Runs in the greenlet its listener gave it, under one deadline. `wire.handshake` speaks; this file
answers its events with what the directory and the session table decide.
"""

import os
import socket
from collections.abc import Callable, Iterable

import structlog

from coordinator.errors import LeaseLost, SealBroken, StaleEpoch, StoreError
from gateway import __version__
from gateway.errors import ProtocolError, Refused
from gateway.node import security_lines
from gateway.node.administration import Administration
from gateway.node.knocks import Knock
from gateway.node.login import Logins
from gateway.node.session import Session, facts_of
from gateway.node.shown import Shown
from gateway.node.siblings import Siblings
from gateway.node.table import SessionTable
from gateway.node.wishes import Wishes
from gateway.transport.connection import Connection
from gateway.transport.opening import Opening, PeerGone
from gateway.transport.tls import TlsEngine
from gateway.wire.codes import Direction, ErrorCode
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
from gateway.wire.handshake import ServerHandshake
from gateway.wire.hello import Hello
from gateway.wire.http import Request
from gateway.wire.http_api import unavailable
from gateway.wire.login import Login
from gateway.wire.redirect import Redirect
from gateway.wire.requests import AdminLogin, PasswordChange
from gateway.wire.welcome import Welcome

log = structlog.get_logger()

PRODUCT = f"EtherFleet VPN Gateway {__version__}"


REASONS = {SealBroken: "seal-broken", LeaseLost: "not-owner", StaleEpoch: "not-owner"}


class Dialogues:
    """Conducts dialogues: what they share, one method call each."""

    def __init__(
        self,
        shown: Shown,
        logins: Logins,
        table: SessionTable,
        administration: Administration,
        siblings: Siblings,
        wishes: Wishes,
        count: Callable[[str], None],
        note: Callable[[str, Iterable[str]], None],
        *,
        handshake_s: float,
        queue_bytes: int,
    ) -> None:
        """`handshake_s` bounds a dialogue; `count(reason)` counts how it ended;
        `note(hub, lines)` puts lines into a hub's security log."""
        self._note = note
        self._shown = shown
        self._logins = logins
        self._table = table
        self._administration = administration
        self._siblings = siblings
        self._wishes = wishes
        self._count = count
        self._handshake_s = handshake_s
        self._queue_bytes = queue_bytes

    def conduct(self, sock: socket.socket, address: str) -> None:
        """Lead one dialogue to its end; `sock` is then closed or belongs to a session."""
        opening = Opening(sock, TlsEngine(self._shown.context, server_side=True))
        try:
            with opening.deadline(self._handshake_s):
                if self._talk(opening):
                    return
        except (PeerGone, OSError) as error:
            self._count(PeerGone.reason)
            log.debug("connection ended before login", address=address, why=str(error))
            opening.abandon()
            return
        except ProtocolError as error:
            self._count(error.reason)
            log.info("connection refused", address=address, reason=error.reason, why=str(error))
        except BaseException:  # a fault of ours, or the node stops: the client must be told
            opening.close()
            raise
        # A client that lingers keeps its place among the dialogues, or places would be no bound.
        opening.close().join()

    def _talk(self, opening: Opening) -> bool:
        """Speak until the end; true when the connection has become part of a session."""
        opening.handshake()
        random = os.urandom(20)
        hello = Hello(product=PRODUCT, random=random)
        handshake = ServerHandshake(hello, pages=self._administration.pages)
        while True:
            try:
                event = handshake.next_event()
            finally:
                # Also after a fault of the client's: the answer that names it is waiting to leave.
                opening.write(handshake.data_to_send())
            if event is None:
                handshake.receive_data(opening.read())
            elif isinstance(event, Finished):
                return False
            elif self._answer(event, random, opening, handshake):
                return True

    def _answer(
        self, event: Event, random: bytes, opening: Opening, handshake: ServerHandshake
    ) -> bool:
        """Answer `event`; true when the connection has become part of a session."""
        try:
            match event:
                case LoginRequested(login):
                    return self._log_in(login, random, opening, handshake)
                case AdditionalConnectRequested(request):
                    self._join(request.session_key, opening, handshake)
                case AdminRequested(login):
                    self._administer(login, random, opening, handshake)
                case ApiRequested(request):
                    return self._serve_api(request, opening, handshake)
                case HubsRequested():
                    handshake.list_hubs(self._wishes.hub_names())
                    self._count("hubs-named")
                    return False
                case PasswordChangeRequested(change):
                    self._change_password(change, random, opening, handshake)
                    return False
                case _:
                    name = type(event).__name__.removesuffix("Requested")
                    raise Refused(
                        ErrorCode.NOT_SUPPORTED, f"{name}: not offered here", "unsupported"
                    )
        except Refused as error:
            self._count(error.reason)
            if isinstance(event, LoginRequested) and error.reason != "unknown-hub":
                lines = security_lines.refused(event.login, opening.peer, error)
                self._note(event.login.hub, lines)
            log.info(
                "refused",
                address=opening.peer,
                **_wish_of(event),
                reason=error.reason,
                why=str(error),
            )
            handshake.refuse(error.code)
            return False
        except (StoreError, SealBroken, LeaseLost, StaleEpoch) as error:
            # A code that neither ends the client's session nor makes it wait a minute (spec 3.4).
            reason = REASONS.get(type(error), "store-unavailable")
            self._count(reason)
            log.warning(
                "refused", address=opening.peer, **_wish_of(event), reason=reason, why=str(error)
            )
            handshake.refuse(ErrorCode.SERVER_CANNOT_ACCEPT)
            return False
        return True

    # -- login -----------------------------------------------------------------------------------

    def _log_in(
        self, login: Login, random: bytes, opening: Opening, handshake: ServerHandshake
    ) -> bool:
        """Admit or redirect a client; true when it has a session here."""
        admitted = self._logins.admit(login, random, opening)
        if isinstance(admitted, Redirect):
            self._count("redirected")
            log.info("redirected", hub=login.hub, to=str(admitted.address), user=login.user)
            line = security_lines.redirected(login, opening.peer, str(admitted.address))
            self._note(login.hub, [line])
            handshake.redirect(admitted)
            return False
        session, key = admitted
        record = session.record
        connection_name = f"CID-{os.urandom(4).hex().upper()}"
        try:
            handshake.welcome(
                Welcome(
                    session_name=record.name,
                    connection_name=connection_name,
                    session_key=key,
                    timeout_ms=record.timeout_ms,
                    use_compress=record.use_compress,
                    max_connection=record.max_connection,
                    half_connection=record.half_connection,
                    policy=session.policy,
                    message=session.message,
                )
            )
            direction = session.next_direction()
            opening.engine.encrypt(handshake.data_to_send())  # leaves with the first keep-alive
        except BaseException:  # the deadline too: nobody has the key, so nobody comes back for it
            session.end("peer-gone")
            raise
        self._count("accepted")
        self._note(record.hub, security_lines.admitted(login, record, connection_name))
        log.info(
            "session started",
            **facts_of(record),
            address=record.address,
            client=f"{record.client_name} {record.client_build}",
            tls=opening.engine.describe(),
            compress=record.use_compress,
            half_duplex=record.half_connection,
            max_connection=record.max_connection,
        )
        self._attach(session, opening, handshake, direction)
        if not session.connections:  # gone before the welcome left: nobody has the key
            session.end("peer-gone")
        return True

    # -- administrators ---------------------------------------------------------------------------

    def _administer(
        self, login: AdminLogin, random: bytes, opening: Opening, handshake: ServerHandshake
    ) -> None:
        """Let an administrator in, or raise Refused; his connection is served elsewhere."""
        if not self._administration.has_place(opening):
            raise Refused(
                ErrorCode.SERVER_CANNOT_ACCEPT, "too many administrators", "admin-no-place"
            )
        caller = self._administration.admit(login, random, opening)
        is_told = caller.has_empty_password and login.accept_empty_password
        handshake.accept_admin(empty_password=is_told)
        opening.write(handshake.data_to_send())
        self._administration.serve_calls(opening, caller, handshake.trailing)

    def _serve_api(self, request: Request, opening: Opening, handshake: ServerHandshake) -> bool:
        """Pass a connection on that asks for the administration's HTTP interface."""
        if not self._administration.has_place(opening, for_api=True):
            self._count("admin-no-place")
            opening.write(unavailable())
            return False
        self._administration.serve_api(opening, request, handshake.trailing)
        return True

    # -- passwords --------------------------------------------------------------------------------

    def _change_password(
        self, change: PasswordChange, random: bytes, opening: Opening, handshake: ServerHandshake
    ) -> None:
        """Give a user another password, or raise Refused; the hub's log tells of both."""
        try:
            user = self._wishes.change_password(change, random, opening.peer)
        except Refused as error:
            if error.code != ErrorCode.HUB_NOT_FOUND:
                line = security_lines.password_kept(change.user, opening.peer, error)
                self._note(change.hub, [line])
            raise
        self._note(user.hub, [security_lines.password_changed(user.name, opening.peer)])
        self._count("password-changed")
        log.info("password changed", hub=user.hub, user=user.name, address=opening.peer)
        handshake.confirm()

    # -- additional connections ------------------------------------------------------------------

    def _join(self, key: bytes, opening: Opening, handshake: ServerHandshake) -> None:
        session = self._table.find_or_resume(key)
        if session is None:
            knock = Knock(opening.peer_address, opening.local_port)
            node = self._table.whereabouts(key)
            if self._siblings.point(knock, node):
                # A code that makes the client knock again a second later (spec 5.6).
                raise Refused(ErrorCode.SERVER_CANNOT_ACCEPT, f"its hub is on {node}", "at-sibling")
            raise Refused(ErrorCode.SESSION_TIMEOUT, "session key unknown", "unknown-session")
        direction = session.next_direction()
        handshake.accept_additional(direction)
        opening.write(handshake.data_to_send())
        self._attach(session, opening, handshake, direction)

    def _attach(
        self, session: Session, opening: Opening, handshake: ServerHandshake, direction: Direction
    ) -> None:
        connection = Connection(
            opening,
            session,
            timeout=session.record.timeout_ms / 1000,
            budget=self._queue_bytes,
            gate=session.gate,
            compressed=session.record.use_compress,
            may_send=direction != Direction.TO_SERVER,
            may_receive=direction != Direction.TO_CLIENT,
        )
        session.add(connection, handshake.trailing)


def _wish_of(event: Event) -> dict[str, str]:
    """Return the hub and user a client asked for, whatever they are worth."""
    if isinstance(event, LoginRequested):
        return {"hub": event.login.hub, "user": event.login.user}
    if isinstance(event, PasswordChangeRequested):
        return {"hub": event.change.hub, "user": event.change.user}
    return {}
