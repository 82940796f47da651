"""The journal: the security and packet logs of hubs, written to files and to syslog.

Whoever has something to say about a hub hands in a line and goes on; a greenlet writes what has
come together, a few times a second, on a thread: a slow disk delays nobody. Lines wait up to a
bound, and what was too much is said in the log itself. Files are opened for each writing and
appended to in one piece, so the workers of a machine share them.

A hub's settings are read again when they may have changed, at most every other second. A hub that
is not in the directory has no log: a stranger cannot make files by asking for hubs.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
import structlog
from gevent.event import Event

from coordinator.errors import StoreError
from coordinator.fleet import Fleet
from coordinator.hub_log import HubLog, Keep, Syslog, SyslogSave
from coordinator.model import Hub
from gateway.admin import log_files
from gateway.config import Settings
from gateway.hub.frame_facts import Facts, read_facts
from gateway.hub.packet_lines import Ends, kind_of, to_line
from gateway.logs import to_text
from gateway.node.aside import in_thread
from gateway.node.hubs import Hubs, LiveHub
from gateway.node.packet_tap import PacketTap
from gateway.node.syslog import SyslogSender

log = structlog.get_logger()

WRITE_EVERY_S = 0.3
SETTINGS_LAST_S = 2.0
STORE_AWAY_S = 10.0  # then it is asked for syslog settings again
MAX_LINES = 20_000  # of one hub's security log, waiting to be written
FRAMES_AT_ONCE = 200  # read before other work has its turn
CLEAN_EVERY_S = 3600.0
MANY_HUBS = 2000  # settings remembered before those of hubs that are not are forgotten


class Journal:
    """All logs of the hubs on one node."""

    def __init__(
        self,
        directory: Path,
        hubs: Hubs,
        read_hub: Callable[[str], Hub | None],
        read_syslog: Callable[[], Syslog],
        sender: SyslogSender,
        *,
        keep_days: int,
    ) -> None:
        """`keep_days` without a change, then a file is removed; 0: never."""
        self._directory = directory
        self._hubs = hubs
        self._read_hub = read_hub
        self._read_syslog = read_syslog
        self._sender = sender
        self._keep_days = keep_days
        self._lines: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self._lost: defaultdict[str, int] = defaultdict(int)
        self._news = Event()
        self._settings: dict[str, tuple[float, Hub | None]] = {}
        self._taps: dict[str, PacketTap] = {}
        self._syslog_read_at = -SETTINGS_LAST_S
        self._failing = ""

    def note(self, hub: str, lines: Iterable[str]) -> None:
        """Put lines into a hub's security log. Never waits.

        Of a hub that is alive here and keeps no such log they are not even made.
        """
        name = hub.lower()
        alive = self._alive_hub(name)
        if alive is not None and not alive.log.security:
            return
        waiting, now = self._lines[name], _now()
        for line in lines:
            if len(waiting) >= MAX_LINES:
                self._lost[name] += 1
            else:
                waiting.append((now, clean(line)))
        self._news.set()

    def run(self) -> None:
        """Write until killed."""
        clean_at = time.monotonic()
        while True:
            if not self._taps:
                self._news.wait(SETTINGS_LAST_S)
            gevent.sleep(WRITE_EVERY_S)
            self._news.clear()
            try:
                self.write()
                if time.monotonic() >= clean_at and self._keep_days:
                    clean_at = time.monotonic() + CLEAN_EVERY_S
                    self._clean()
            except Exception:  # whoever logs in must not depend on it
                log.exception("logs of hubs not written")

    def write(self) -> None:
        """Write what has come together."""
        self._follow_syslog()
        for name in list(self._lines):
            self._write_security(name, self._lines.pop(name))
        self._place_taps()
        for name, tap in list(self._taps.items()):
            live = self._hubs.alive.get(name)
            if live is not None:  # it may have gone while another's were written
                self._write_packets(live, tap)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send an event of this node to the syslog server, if there is one that wants it."""
        if self._sender.wants(SyslogSave.SERVER):
            self._sender.send(SyslogSave.SERVER, to_text(event), datetime.now(UTC))

    def close(self) -> None:
        """Send no more to the syslog server."""
        self._sender.close()

    # -- security log --------------------------------------------------------------------------

    def _write_security(self, name: str, lines: list[tuple[datetime, str]]) -> None:
        hub = self._hub(name)
        lost = self._lost.pop(name, 0)
        if hub is None or not hub.log.security:
            return
        if lost:
            lines.append((_now(), f"{lost} lines were too many and are missing here."))
        to_syslog = self._sender.wants(SyslogSave.SECURITY)
        by_path: defaultdict[str, list[str]] = defaultdict(list)
        second = None
        for at, text in lines:
            if at.replace(microsecond=0) != second:  # once for all lines of a storm's second
                second = at.replace(microsecond=0)
                path = log_files.path_of(log_files.SECURITY, hub.name, hub.log.security_switch, at)
                clock = f"{at:%Y-%m-%d %H:%M:%S}"
            by_path[path].append(f"{clock}.{at.microsecond // 1000:03} {text}")
            if to_syslog:
                self._sender.send(SyslogSave.SECURITY, f'[HUB "{hub.name}"] {text}', at)
        for path, texts in by_path.items():
            self._append(path, texts)

    # -- packet log ----------------------------------------------------------------------------

    def _place_taps(self) -> None:
        """Have a tap in every hub alive here that wants a packet log, and in no other."""
        for name, tap in list(self._taps.items()):
            live = self._hubs.alive.get(name)
            if live is None or live.switch is not tap.switch or not live.hub.log.packet:
                tap.detach()
                del self._taps[name]
        for name, live in self._hubs.alive.items():
            if live.hub.log.packet and name not in self._taps:
                self._taps[name] = PacketTap(live.switch)

    def _write_packets(self, live: LiveHub, tap: PacketTap) -> None:
        settings, by_path = live.hub.log, defaultdict[str, list[str]](list)
        to_syslog = self._sender.wants(SyslogSave.PACKET)
        for number, (at_s, frame) in enumerate(tap.take(), 1):
            facts = read_facts(frame)
            keep = settings.packets.get(kind_of(facts), Keep.NONE)
            if keep is not Keep.NONE:
                at = datetime.fromtimestamp(at_s, UTC).astimezone()
                moment = f"{at:%Y-%m-%d,%H:%M:%S}.{at.microsecond // 1000:03}"
                line = to_line(frame, facts, _ends(live, facts), moment, full=keep is Keep.FULL)
                by_path[self._packet_path(live.hub.name, settings, at)].append(line)
                if to_syslog:
                    self._sender.send(SyslogSave.PACKET, f'[HUB "{live.hub.name}"] {line}', at)
            if not number % FRAMES_AT_ONCE:
                gevent.sleep(0)
        if lost := tap.take_lost():
            by_path[self._packet_path(live.hub.name, settings, _now())].append(
                f"# {lost} frames were too many and are missing here"
            )
        for path, lines in by_path.items():
            self._append(path, lines)

    def _packet_path(self, hub: str, settings: HubLog, at: datetime) -> str:
        return log_files.path_of(log_files.PACKET, hub, settings.packet_switch, at)

    # -- files -----------------------------------------------------------------------------------

    def _append(self, path: str, lines: list[str]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode(errors="replace")
        try:
            in_thread(_append_to, self._directory / path, data)
        except OSError as error:
            if self._failing != path:
                log.warning("log of a hub not written", path=path, why=error.strerror)
            self._failing = path
            return
        self._failing = ""

    def _clean(self) -> None:
        removed = in_thread(
            log_files.remove_older, self._directory, self._keep_days, datetime.now(UTC)
        )
        if removed:
            log.info("old logs of hubs removed", files=len(removed))

    # -- settings --------------------------------------------------------------------------------

    def _hub(self, name: str) -> Hub | None:
        if (alive := self._alive_hub(name)) is not None:
            return alive
        read_at, hub = self._settings.get(name, (-SETTINGS_LAST_S, None))
        now = time.monotonic()
        if now - read_at < SETTINGS_LAST_S:
            return hub
        if len(self._settings) > MANY_HUBS:  # strangers may ask for any
            self._settings = {n: one for n, one in self._settings.items() if one[1] is not None}
        with suppress(StoreError):  # then it is as it was, and not asked for again at once
            hub = self._read_hub(name)
        self._settings[name] = (now, hub)
        return hub

    def _follow_syslog(self) -> None:
        now = time.monotonic()
        if now - self._syslog_read_at >= SETTINGS_LAST_S:
            self._syslog_read_at = now
            try:
                self._sender.obey(self._read_syslog())
            except StoreError:
                self._syslog_read_at = now + STORE_AWAY_S
        self._sender.resolve()

    def _alive_hub(self, name: str) -> Hub | None:
        live = self._hubs.alive.get(name)
        return live.hub if live is not None else None


def make_journal(settings: Settings, fleet: Fleet, hubs: Hubs) -> Journal:
    """Return the journal of a node."""
    return Journal(
        settings.log_dir,
        hubs,
        fleet.directory.hub,
        fleet.syslog.get,
        SyslogSender(settings.node),
        keep_days=settings.logs.keep_days,
    )


def clean(text: str) -> str:
    """Return `text` without what ends a line or moves a terminal: strangers have a say in it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def _ends(live: LiveHub, facts: Facts) -> Ends:
    """Return the sessions behind a frame's two stations, as far as the hub knows them."""
    source, source_address = _session_behind(live, facts.source_mac)
    if facts.is_group:
        return Ends(source, "-", source_address, "-")
    destination, destination_address = _session_behind(live, facts.destination_mac)
    return Ends(source, destination, source_address, destination_address)


def _session_behind(live: LiveHub, mac: bytes) -> tuple[str, str]:
    entry = live.switch.table.lookup(mac)
    owner = entry.port.owner if entry is not None and entry.port is not None else None
    record = getattr(owner, "record", None)  # a port that is no session has none
    if record is None:
        return "-", "-"
    address = record.address.rpartition(":")[0].strip("[]")
    return clean(record.name).replace(",", " "), address


def _append_to(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
