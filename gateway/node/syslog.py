"""Messages to a syslog server, over UDP: sent at once or not at all, nobody waits for them.

Source: RFC 5424, RFC 3164, RFC 5426.
"""

import os
import socket
import time
from datetime import datetime

import gevent
import structlog

from coordinator.hub_log import Syslog, SyslogFormat, SyslogSave

log = structlog.get_logger()

PRIORITY = 16 * 8 + 6  # local use 0, informational
MAX_5424, MAX_3164 = 2048, 1024  # bytes, what every receiver must take
LOOK_UP_AGAIN_S = 60.0
APP = "etherfleet"


def to_message(settings: Syslog, kind: str, text: str, moment: datetime, host: str) -> bytes:
    """Return one datagram; `kind` is `server`, `security` or `packet`."""
    if settings.format is SyslogFormat.RFC3164:
        day = f"{moment.day:>2}"
        head = f"<{PRIORITY}>{moment.strftime('%b')} {day} {moment.strftime('%H:%M:%S')} {host} "
        return f"{head}{APP}[{os.getpid()}]: {text}".encode(errors="replace")[:MAX_3164]
    at = moment.isoformat(timespec="milliseconds")
    head = f"<{PRIORITY}>1 {at} {host} {APP} {os.getpid()} {kind} - "
    return f"{head}{text}".encode(errors="replace")[:MAX_5424]


class SyslogSender:
    """Sends what the setting asks for."""

    def __init__(self, host: str) -> None:
        """`host` is how this node calls itself."""
        self._host = host
        self._settings = Syslog()
        self._wanted: frozenset[SyslogSave] = frozenset()
        self._socket: socket.socket | None = None
        self._target: tuple[str, int] | None = None
        self._looked_up_at = 0.0
        self.lost = 0

    def obey(self, settings: Syslog) -> None:
        """Send as `settings` say from now on."""
        if settings != self._settings:
            self._settings = settings
            self._wanted = frozenset(k for k in SyslogSave if settings.save.includes(k))
            self._target = None
            self._looked_up_at = 0.0

    def wants(self, kind: SyslogSave) -> bool:
        """Say whether messages of this kind are sent."""
        return kind in self._wanted

    def resolve(self) -> None:
        """Find the server's address, now and then; waits."""
        settings, now = self._settings, time.monotonic()
        is_fresh = self._looked_up_at and now - self._looked_up_at < LOOK_UP_AGAIN_S
        if settings.save is SyslogSave.OFF or is_fresh:
            return
        self._looked_up_at = now
        try:
            with gevent.Timeout(5):
                found = socket.getaddrinfo(settings.host, settings.udp_port, type=socket.SOCK_DGRAM)
        except (OSError, gevent.Timeout) as error:
            log.warning("syslog server not found", host=settings.host, why=str(error))
            return
        family, _, _, _, target = found[0]
        if self._socket is None or self._socket.family != family:
            self.close()
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        self._target = (str(target[0]), int(target[1]))

    def send(self, kind: SyslogSave, text: str, moment: datetime) -> None:
        """Send one message, if it is wanted; never waits."""
        if not self.wants(kind):
            return
        if self._socket is None or self._target is None:
            self.lost += 1
            return
        message = to_message(self._settings, kind.value, text, moment, self._host)
        try:
            self._socket.sendto(message, self._target)
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Send no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
