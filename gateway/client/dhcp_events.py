"""What a DHCP client can be doing, and what it has to tell the host. Source: RFC 2131, figure 5."""

from dataclasses import dataclass
from enum import Enum

from gateway.client.dhcp_lease import Lease


class State(Enum):
    """Where the client stands; PAUSED keeps a lease while there is no session to ask through."""

    STOPPED = "stopped"
    PAUSED = "paused"
    SELECTING = "selecting"
    REQUESTING = "requesting"
    REBOOTING = "rebooting"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"


@dataclass(frozen=True, slots=True)
class Leased:
    """An address was granted: put it on the host, in place of any earlier one."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Renewed:
    """The same address goes on; routes and the rest may have changed."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Expired:
    """The lease ended without an answer: take the address off the host. The search goes on."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server said no (NAK): take any address off the host. The search goes on."""

    text: str
    """The server's explanation, printable, perhaps empty."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No server offered anything so far; the search goes on. Comes once per search."""

    waited_s: float


Event = Leased | Renewed | Expired | Rejected | Unanswered
