"""What only running gateways know: their address tables, connections and ports.

`Live` is how handlers ask; whoever runs the loop answers, for this gateway at once and for others
by asking them. One that does not answer in time is named and holds nobody up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.admin.log_files import Reader


class Table(StrEnum):
    """What a hub learns."""

    MACS = "macs"
    IPS = "ips"


@dataclass(frozen=True, slots=True)
class Learned:
    """How many addresses a hub has learned."""

    macs: int = 0
    ips: int = 0


@dataclass(frozen=True, slots=True)
class TableRow:
    """One learned address. Times in milliseconds since 1970."""

    key: int
    """By which it is deleted: the same for as long as it is there."""
    node: str
    session: str
    address: bytes
    created_ms: int
    updated_ms: int
    is_leased: bool = False
    """By DHCP."""


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One TCP connection of this gateway."""

    name: str
    address: str
    """The peer, `192.0.2.1:50000`."""
    since_ms: int
    is_administration: bool = False
    client_name: str = ""
    """What the program at its other end calls itself, where it said so."""
    client_version: int = 0
    client_build: int = 0


@dataclass(frozen=True, slots=True)
class Gathered:
    """What gateways answered, and which did not."""

    rows: Sequence[TableRow] = ()
    silent: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log file on a gateway."""

    node: str
    path: str
    size: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class GatheredLogs:
    """What gateways have in files, and which did not answer."""

    rows: Sequence[LogRow] = ()
    silent: Sequence[str] = ()


class Logs(Protocol):
    """The log files of hubs on the gateways."""

    def list_files(self, reader: Reader, nodes: Sequence[str]) -> GatheredLogs:
        """Return the files on these gateways, those that share a directory named once."""

    def read_file(self, node: str, reader: Reader, path: str, offset: int) -> bytes | None:
        """Return a piece of a file, empty at its end; None for one that is not there, or whose
        gateway does not answer."""


class Live(Protocol):
    """The running gateways."""

    @property
    def logs(self) -> Logs:
        """What hubs wrote down there."""

    @property
    def node(self) -> str:
        """This gateway."""

    def listeners(self) -> Sequence[int]:
        """Return the TCP ports this gateway listens on."""

    def connections(self) -> Sequence[ConnectionRow]:
        """Return the TCP connections of this gateway."""

    def disconnect(self, name: str) -> bool:
        """Close a TCP connection of this gateway; false if there is none of that name."""

    def ciphers(self) -> Sequence[str]:
        """Return the cipher suites this gateway offers, the best first."""

    def certificate_der(self) -> bytes:
        """Return the certificate all gateways show."""

    @property
    def may_change_certificate(self) -> bool:
        """Say whether this gateway shows the fleet's, and not one that its settings name."""

    def make_certificate(self, common_name: str) -> tuple[str, str]:
        """Return a new certificate, signed by itself, and its key, in PEM."""

    def why_not_shown(self, certificate_pem: str, private_key_pem: str) -> str:
        """Return why a certificate with its key cannot be shown; empty: it can."""

    def rows(self, table: Table, hub: str, nodes: Sequence[str]) -> Gathered:
        """Return the addresses a hub has learned on these gateways."""

    def forget(self, table: Table, hub: str, nodes: Sequence[str], key: int) -> bool:
        """Forget one of them; false if none of the gateways knew it."""

    def learned(self, nodes: Sequence[str], hub: str = "") -> Mapping[str, Learned]:
        """Return how many addresses each hub has learned on these gateways, by folded name; of one
        `hub` only if it is named."""

    def silent(self, nodes: Sequence[str]) -> Sequence[str]:
        """Return which of these gateways do not answer, whatever their leases say."""
