"""A method of administration, and what its handler is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from coordinator.administration import HubAdministration
from coordinator.audit import Actor
from coordinator.fleet import Fleet
from coordinator.model import Hub
from coordinator.times import Timestamp
from gateway.admin.administrators import Caller
from gateway.admin.live import Live
from gateway.admin.watch import Watch
from gateway.errors import Refused
from gateway.wire.codes import ErrorCode, describe
from gateway.wire.rpc_struct import Struct, Values
from gateway.wire.rpc_structs import STRUCTS


class Who(Enum):
    """Who may call. Source: spec 4.1."""

    FLEET = "S"
    """Administrators of the fleet."""
    HUB = "H"
    """And the administrator of the hub the call is about."""
    ANY = "A"
    """Every administrator; what he is shown is the handler's business."""


@dataclass(frozen=True, slots=True)
class Context:
    """What all handlers work with."""

    fleet: Fleet
    live: Live
    product: str
    """Name and version of the program."""
    clock: Callable[[], float]
    """Monotonic, in seconds."""
    watch: Watch = field(default_factory=Watch)
    """What is kept for those who look every two seconds."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that may be carried out."""

    context: Context
    caller: Caller
    values: Values
    """What was asked; a field that was not there has no key."""
    now: Timestamp
    found_hub: Hub | None = None
    """Of a call about a hub."""
    administration: HubAdministration = field(default_factory=HubAdministration)
    """Of that hub."""
    own_secrets: list[bytes] = field(default_factory=list)
    """Hashes the caller's own password was set to by this call: he goes on with the last."""

    @property
    def fleet(self) -> Fleet:
        """Return the fleet in the caller's hands: what he changes is noted as his."""
        caller = self.caller
        return self.context.fleet.acting(
            Actor(caller.via, caller.name, caller.address, caller.role)
        )

    @property
    def hub(self) -> Hub:
        """Return the hub the call is about."""
        assert self.found_hub is not None, "no call about a hub"
        return self.found_hub

    def text(self, name: str) -> str:
        """Return a text, empty when it was not there."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """Return a number, 0 when it was not there."""
        return int(self.values.get(name, 0))

    def flag(self, name: str) -> bool:
        """Return a yes or no; no when it was not there."""
        return bool(self.values.get(name, False))

    def data(self, name: str) -> bytes:
        """Return bytes, none when they were not there."""
        value = self.values.get(name, b"")
        return value if isinstance(value, bytes) else b""

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a group."""
        return list(self.values.get(name, ()))

    def forbid(self, *options: str) -> None:
        """Refuse a hub administrator whose hub has one of these options set. Raises Refused."""
        if self.caller.is_fleet_admin:
            return
        for option in options:
            if self.administration.options.get(option):
                raise refusal(ErrorCode.NOT_ENOUGH_RIGHTS, f"forbidden by {option}")

    def limit(self, option: str, count: int, code: ErrorCode) -> None:
        """Refuse what would exceed a limit of the hub; 0 is none. Raises Refused with `code`."""
        most = self.administration.options.get(option, 0)
        if most and count > most:
            raise refusal(code, f"{option}: {count} would be there, {most} allowed")


Handler = Callable[[Call], Values]


@dataclass(frozen=True, slots=True)
class Method:
    """One method."""

    name: str
    who: Who
    handler: Handler
    needs: Sequence[str] = ()
    """Fields that must be there: looked at before rights are, as the reference does."""
    hub_field: str = "HubName"
    """Which field names the hub, where `who` is HUB."""
    forbidden_by: Sequence[str] = ()
    """Options of the hub that forbid it to the hub's administrator."""
    changes: bool = True
    """Whether it may change something: then it is not for who may only look. What does not say so
    is taken to change."""

    @property
    def struct(self) -> Struct:
        """Return what it is asked and answered with."""
        return STRUCTS[self.name]


def refusal(code: ErrorCode, text: str = "") -> Refused:
    """Return the error that ends a call with `code`."""
    return Refused(code, text or describe(code), "admin-refused")
