"""The one way to a handler, whatever the transport: look up, check, carry out, name the error.

The order of checks is the reference's: the function, cheap looks at parameters, rights, the hub,
options that forbid. So who may not learn whether a hub exists hears 52 whatever he asks (spec 4.1).
"""

from dataclasses import dataclass, replace

from coordinator.administration import HubAdministration
from coordinator.errors import (
    AlreadyExists,
    Conflict,
    CoordinatorError,
    InvalidValue,
    NotFound,
    SealBroken,
    StoreError,
    TooMany,
)
from coordinator.model import Hub
from coordinator.names import fold
from coordinator.times import Timestamp
from gateway.admin import hubs
from gateway.admin.administrators import AT, Caller, check_standing
from gateway.admin.nodes import NotPossible
from gateway.admin.rpc import caps
from gateway.admin.rpc.method import Call, Context, Method, Who, refusal
from gateway.admin.rpc.methods import ALIASES, METHODS
from gateway.admin.trust import KeyNotAcceptable
from gateway.errors import LimitExceeded, Refused
from gateway.wire.codes import ErrorCode, describe
from gateway.wire.pack import Element, Pack
from gateway.wire.rpc_struct import Struct, Values

_NOT_FOUND = {"hub": ErrorCode.HUB_NOT_FOUND}
_TOO_MANY = {
    "hub": ErrorCode.TOO_MANY_HUBS,
    "user": ErrorCode.TOO_MANY_USERS,
    "group": ErrorCode.TOO_MANY_GROUPS,
    "access rule": ErrorCode.TOO_MANY_ACCESS_RULES,
}
_EXISTS = {
    "hub": ErrorCode.HUB_EXISTS,
    "user": ErrorCode.USER_EXISTS,
    "group": ErrorCode.GROUP_EXISTS,
    "cascade": ErrorCode.CASCADE_EXISTS,
    "bridge": ErrorCode.OBJECT_EXISTS,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought: values, and the struct that says how they travel."""

    struct: Struct
    values: Values
    is_change: bool
    """It may have changed something; the others only look."""
    caller: Caller
    """Who goes on: he may have changed his own password."""

    def elements(self) -> list[Element]:
        """Return it as it travels in a Pack."""
        extra = caps.flat_elements(self.values) if "CapsList" in self.values else ()
        return [*self.struct.elements(self.values), *extra]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON clients get it."""
        extra = caps.flat_json(self.values) if "CapsList" in self.values else {}
        return {**self.struct.to_json(self.values), **extra}


def carry_out(context: Context, caller: Caller, name: str, asked: Pack, now: Timestamp) -> Answer:
    """Carry out one call. Raises Refused with the code its caller is told, StoreError."""
    folded = name.lower()
    method = METHODS.get(ALIASES.get(folded, folded))
    if method is None:
        raise refusal(ErrorCode.NOT_SUPPORTED, f"{name[:80]} is not served")
    try:
        call = _admit(context, caller, method, asked, now)
        values = method.handler(call)
        is_own = call.own_secrets and caller.secret is not None
        goes_on = replace(caller, secret=call.own_secrets[-1]) if is_own else caller
        return Answer(method.struct, values, method.changes, goes_on)
    except (CoordinatorError, NotPossible, LimitExceeded) as error:
        code = code_of(error)
        # What is wrong with the store is for the log: its address and keys are no tenant's affair.
        text = describe(code) if code is ErrorCode.INTERNAL_ERROR else str(error)
        raise Refused(code, text, "admin-refused") from error


def code_of(error: Exception) -> ErrorCode:
    """Return what the caller is told of an error of ours; re-raises one that is not his affair."""
    match error:
        case NotFound(kind=kind):
            return _NOT_FOUND.get(kind, ErrorCode.OBJECT_NOT_FOUND)
        case AlreadyExists(kind=kind):
            return _EXISTS.get(kind, ErrorCode.INVALID_PARAMETER)
        case TooMany(kind=kind):
            return _TOO_MANY.get(kind, ErrorCode.TOO_MANY_ITEMS)
        case KeyNotAcceptable():
            return ErrorCode.KEY_NOT_ACCEPTABLE
        case InvalidValue() | NotPossible():
            return ErrorCode.INVALID_PARAMETER
        case LimitExceeded():
            return ErrorCode.TOO_MANY_ITEMS
        case Conflict() | StoreError() | SealBroken():
            return ErrorCode.INTERNAL_ERROR
        case _:
            raise error


def _admit(context: Context, caller: Caller, method: Method, asked: Pack, now: Timestamp) -> Call:
    values = _meant(caller, method, method.struct.read(asked))
    for need in method.needs:
        if not values.get(need):
            raise refusal(ErrorCode.INVALID_PARAMETER, f"{need} is empty")
    if method.who is Who.FLEET and not caller.is_fleet_admin:
        raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS)
    if method.changes and caller.is_read_only:
        raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS, f"{caller.name} may only look")
    hub, administration = None, HubAdministration()
    check_standing(context.fleet, caller, now)
    if method.who is Who.HUB:
        hub = _hub_of(context, caller, str(values.get(method.hub_field, "")))
        administration = context.fleet.administration.of_hub(hub.name)
    call = Call(context, caller, values, now, hub, administration)
    call.forbid(*method.forbidden_by)
    return call


def _meant(caller: Caller, method: Method, values: Values) -> Values:
    """Return what was asked with the caller's hub where a tool that logged in by his name, as the
    hub's, says that name."""
    said = str(values.get(method.hub_field, ""))
    if caller.hub and caller.account and said.lower() == AT + caller.account:
        return {**values, method.hub_field: caller.hub}
    return values


def _hub_of(context: Context, caller: Caller, name: str) -> Hub:
    if not caller.is_fleet_admin and fold(name) != fold(caller.hub):
        raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS)
    if not name:
        raise refusal(ErrorCode.INVALID_PARAMETER, "the hub's name is empty")
    return hubs.find(context.fleet, name)
