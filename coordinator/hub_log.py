"""What a hub writes down: its security log, its packet log, and how often a new file begins.

In the store it is one line of words, `security=yes security_switch=day ... tcp=none`: whoever meets
a word he does not know leaves it alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from coordinator.errors import InvalidValue

E = TypeVar("E", bound=StrEnum)

MAX_HOST = 255  # characters


class LogSwitch(StrEnum):
    """When a new file begins. The order is the wire's."""

    NONE = "none"
    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Keep(StrEnum):
    """What of a frame is written down. The order is the wire's."""

    NONE = "none"
    HEADER = "header"
    FULL = "full"


PACKET_KINDS = ("tcp_connection", "tcp", "dhcp", "udp", "icmp", "ip", "arp", "ethernet")
"""In the order of the wire. A frame is of the first kind that fits."""


def _usual() -> dict[str, Keep]:
    some = {"tcp_connection": Keep.HEADER, "dhcp": Keep.HEADER}
    return {kind: some.get(kind, Keep.NONE) for kind in PACKET_KINDS}


@dataclass(frozen=True, slots=True)
class HubLog:
    """The log settings of one hub. The packet log is off unless asked for: it costs."""

    security: bool = True
    security_switch: LogSwitch = LogSwitch.DAY
    packet: bool = False
    packet_switch: LogSwitch = LogSwitch.DAY
    packets: Mapping[str, Keep] = field(default_factory=_usual)
    """By kind."""

    def with_packets(self, packets: Mapping[str, Keep]) -> "HubLog":
        """Return the same with some kinds changed. Raises InvalidValue for one there is not."""
        unknown = [kind for kind in packets if kind not in PACKET_KINDS]
        if unknown:
            raise InvalidValue(f"no kind of packet {unknown[0]!r}; use {', '.join(PACKET_KINDS)}")
        return replace(self, packets={**self.packets, **packets})

    def to_text(self) -> str:
        """Return it as the store keeps it."""
        words = {
            "security": "yes" if self.security else "no",
            "security_switch": self.security_switch.value,
            "packet": "yes" if self.packet else "no",
            "packet_switch": self.packet_switch.value,
            **{kind: self.packets.get(kind, Keep.NONE).value for kind in PACKET_KINDS},
        }
        return " ".join(f"{name}={value}" for name, value in words.items())

    @classmethod
    def from_text(cls, text: str) -> "HubLog":
        """Return what `to_text` wrote; what is missing is as by default."""
        words = dict(word.partition("=")[::2] for word in text.split())
        usual = cls()
        return cls(
            security=words.get("security", "yes") == "yes",
            security_switch=_one_of(LogSwitch, words.get("security_switch"), usual.security_switch),
            packet=words.get("packet") == "yes",
            packet_switch=_one_of(LogSwitch, words.get("packet_switch"), usual.packet_switch),
            packets={k: _one_of(Keep, words.get(k), v) for k, v in usual.packets.items()},
        )


class SyslogSave(StrEnum):
    """What goes to syslog besides files; each includes the one before. The order is the wire's."""

    OFF = "off"
    SERVER = "server"
    """What nodes log."""
    SECURITY = "security"
    PACKET = "packet"

    def includes(self, other: "SyslogSave") -> bool:
        """Say whether what `other` stands for is sent."""
        order = list(SyslogSave)
        return other is not SyslogSave.OFF and order.index(other) <= order.index(self)


class SyslogFormat(StrEnum):
    """How a message is written."""

    RFC5424 = "rfc5424"
    RFC3164 = "rfc3164"


@dataclass(frozen=True, slots=True)
class Syslog:
    """Where the fleet's logs go, over UDP."""

    save: SyslogSave = SyslogSave.OFF
    host: str = ""
    udp_port: int = 514
    format: SyslogFormat = SyslogFormat.RFC5424

    def to_fields(self) -> dict[str, str]:
        """Return it as the store keeps it."""
        return {
            "save": self.save.value,
            "host": self.host,
            "udp_port": str(self.udp_port),
            "format": self.format.value,
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> "Syslog":
        """Return what `to_fields` wrote; what is missing is as by default."""
        return cls(
            save=_one_of(SyslogSave, fields.get("save"), SyslogSave.OFF),
            host=fields.get("host", ""),
            udp_port=int(fields.get("udp_port", 514)),
            format=_one_of(SyslogFormat, fields.get("format"), SyslogFormat.RFC5424),
        )


def check_syslog(settings: Syslog) -> Syslog:
    """Return settings that can work. Raises InvalidValue."""
    if not 1 <= settings.udp_port <= 65535:
        raise InvalidValue(f"syslog port {settings.udp_port}: 1 to 65535 allowed")
    if settings.save is not SyslogSave.OFF and not settings.host:
        raise InvalidValue("syslog has no host to send to")
    if len(settings.host) > MAX_HOST or not all(c.isalnum() or c in ".-:_" for c in settings.host):
        raise InvalidValue(f"syslog host {settings.host[:MAX_HOST]!r} is no name and no address")
    return settings


def _one_of(kind: type[E], text: str | None, usual: E) -> E:
    return kind(text) if text in list(kind) else usual
