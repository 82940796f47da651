"""What a handshake tells its driver: the whole vocabulary of both roles."""

from dataclasses import dataclass

from gateway.wire.codes import Direction
from gateway.wire.http import Request
from gateway.wire.login import Login
from gateway.wire.redirect import Redirect
from gateway.wire.requests import AdditionalConnect, AdminLogin, PasswordChange
from gateway.wire.welcome import Welcome


class Event:
    """Base of everything `next_event` returns."""

    __slots__ = ()


# --- server role -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LoginRequested(Event):
    """A client wants in: answer with `welcome`, `redirect` or `refuse`."""

    login: Login


@dataclass(frozen=True, slots=True)
class AdditionalConnectRequested(Event):
    """A connection wants to join a session: answer with `accept_additional` or `refuse`."""

    request: AdditionalConnect

    @property
    def session_key(self) -> bytes:
        """The 20 bytes of the session's welcome."""
        return self.request.session_key


@dataclass(frozen=True, slots=True)
class AdminRequested(Event):
    """An administrator wants in: answer with `accept_admin` or `refuse`."""

    login: AdminLogin


@dataclass(frozen=True, slots=True)
class PasswordChangeRequested(Event):
    """A user wants another password: answer with `confirm` or `refuse`."""

    change: PasswordChange


@dataclass(frozen=True, slots=True)
class HubsRequested(Event):
    """Somebody asks for the hubs' names: answer with `list_hubs` or `refuse`."""


@dataclass(frozen=True, slots=True)
class ApiRequested(Event):
    """A request of the administration's HTTP interface, or for its page, began: its body is in
    `trailing` and behind.

    The dialogue is over; whoever serves the interface goes on with the connection.
    """

    request: Request


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """Nothing more will be said: send what is left to send, then close."""


# --- client role -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcomed(Event):
    """The session stands; what follows on this connection are blocks."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Redirected(Event):
    """Log in at another node; the acknowledgement is waiting to be sent."""

    redirect: Redirect


@dataclass(frozen=True, slots=True)
class Joined(Event):
    """This connection belongs to the session; what follows are blocks."""

    direction: Direction
