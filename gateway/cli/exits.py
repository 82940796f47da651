"""Exit codes: fixed, so that scripts may rely on them, and how an error finds its own.

`docs/cli.md` lists them; a test holds the two together.
"""

from enum import IntEnum

from coordinator.errors import (
    AlreadyExists,
    Conflict,
    CoordinatorError,
    InvalidValue,
    NotFound,
    SealBroken,
    StoreError,
    StoreUnavailable,
)
from gateway.errors import ConfigError, EtherFleetError, Refused
from gateway.wire.codes import ErrorCode


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    EXISTS = 4
    STORE = 5
    DENIED = 6
    UNREACHABLE = 7
    NOT_IN_TIME = 8
    INTERRUPTED = 130


class UsageProblem(EtherFleetError):
    """What was typed cannot be done like that; the text says how it can."""


class Declined(EtherFleetError):
    """The operator was asked and did not say yes."""


class NotInTime(EtherFleetError):
    """What was waited for has not come within the time given; it may still."""


_HINTS = {
    "hub": "etherfleet hub list shows all",
    "user": "etherfleet user list HUB shows all",
    "bridge": "etherfleet bridge list shows all",
    "group": "etherfleet group list HUB shows all",
    "access rule": "etherfleet access list HUB shows all",
    "source rule": "etherfleet hub source list HUB shows all",
    "trusted certificate": "etherfleet ca list HUB shows all",
    "revoked certificate": "etherfleet ca revoked HUB shows all",
    "cascade": "etherfleet cascade list shows all",
    "session": "it may have ended; etherfleet session list shows all",
    "node": "etherfleet node list shows all",
    "administrator": "etherfleet admin list shows all",
    "token": "etherfleet admin token list shows all",
    "living node": "etherfleet node list shows who is up",
}


# A gateway tells a stranger no more than this; its log has the reason.
_REFUSED: dict[int, str] = {
    ErrorCode.HUB_NOT_FOUND: "check the hub's name",
    ErrorCode.AUTH_FAILED: "check the user's name, the password and whether the account expired",
    ErrorCode.HUB_STOPPING: "the hub is offline",
    ErrorCode.ACCESS_DENIED: "the user may not log in (policy Access)",
    ErrorCode.BRIDGE_MODE_DENIED: "the user may not bridge; leave out --bridge",
    ErrorCode.HUB_BUSY: "the hub has as many sessions as it allows",
    ErrorCode.TOO_MANY_USER_SESSIONS: "the user has as many sessions as the policy allows",
    ErrorCode.SERVER_CANNOT_ACCEPT: "the gateway is not ready, try again",
}


def code_of(error: EtherFleetError | CoordinatorError) -> ExitCode:
    """Return the exit code of an expected error."""
    match error:
        case UsageProblem() | ConfigError() | InvalidValue():
            return ExitCode.USAGE
        case NotFound():
            return ExitCode.NOT_FOUND
        case NotInTime():
            return ExitCode.NOT_IN_TIME
        case AlreadyExists() | Conflict():
            return ExitCode.EXISTS
        case StoreError() | SealBroken():
            return ExitCode.STORE
        case EtherFleetError():
            return _code_of_client(error)
    return ExitCode.FAILED


def line_of(error: EtherFleetError | CoordinatorError) -> str:
    """Return an error as the one line the operator sees, with what to do next."""
    text = " ".join(str(error).split()).removesuffix(".")
    match error:
        case Refused(code=code) if code in _REFUSED:
            text += f"; {_REFUSED[code]}"
        case NotFound(kind=kind) if kind in _HINTS:
            text += f"; {_HINTS[kind]}"
        case AlreadyExists(kind="hub" | "user" as kind):
            text += f"; change it with: etherfleet {kind} set"
        case Conflict():
            text += "; somebody else is at it, try again"
        case StoreUnavailable():
            text += "; start it, or correct store.url (see: etherfleet config show)"
        case EtherFleetError():
            text += _hint_of_client(error)
    return f"etherfleet: {text}"


def _code_of_client(error: EtherFleetError) -> ExitCode:
    from gateway.client.dial import FINAL_CODES, CannotConnect, CertificateRejected
    from gateway.client.resolve import Unresolvable

    match error:
        case CertificateRejected():
            return ExitCode.DENIED
        case CannotConnect() | Unresolvable():
            return ExitCode.UNREACHABLE
        case Refused(code=ErrorCode.HUB_NOT_FOUND):
            return ExitCode.NOT_FOUND
        case Refused(code=code) if code in FINAL_CODES:
            return ExitCode.DENIED
    return ExitCode.FAILED


def _hint_of_client(error: EtherFleetError) -> str:
    from gateway.client.dial import CannotConnect, CertificateRejected

    match error:
        case CertificateRejected():
            return (
                "; if the gateway's was replaced, pin the new one or give --ca; "
                "if not, somebody is in between"
            )
        case CannotConnect():
            return "; is a gateway running there, and the TCP port open?"
    return ""
