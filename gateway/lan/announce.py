"""Announcements: a LAN learns at once where a station is now, though it has not said a word.

A reverse ARP request with the station's own address as its source, as hypervisors send it for a
machine that moved: every switch on the way learns by it, no host takes notice, and no IP address
need be known. (A gratuitous ARP would teach hosts nothing new: the station's MAC is what it was.)
Source: RFC 903; QEMU, net/announce.c.

Many sessions may move in one moment. Each station is announced at once and again a second later,
in case the first was lost; those that would be too many wait their turn.
"""

import struct
from collections import OrderedDict
from collections.abc import Iterable

from gateway.wire.ethernet import BROADCAST, NOBODY

RATE = 500.0  # announcements per second, 0.3 Mbit/s
BURST = 500
AGAIN_S = 1.0
MOST_WAITING = 16_384  # stations; as many as a hub learns

_RARP, _ETHERNET, _IPV4, _REQUEST_REVERSE = 0x8035, 1, 0x0800, 3
_HEAD = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_LEAST = 60  # bytes of a frame, without its check sequence


def encode_announcement(mac: bytes) -> bytes:
    """Return the frame that says where the station `mac` is: with its sender."""
    fields = _RARP, _ETHERNET, _IPV4, 6, 4, _REQUEST_REVERSE
    nowhere = bytes(4)
    return _HEAD.pack(BROADCAST, mac, *fields, mac, nowhere, mac, nowhere).ljust(_LEAST, b"\0")


class Announcer:
    """Which stations are to be announced, and when. Knows no interface; the time is passed in."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[bytes, bool], float] = OrderedDict()
        self._tokens = float(BURST)
        self._filled_at = 0.0

    def __bool__(self) -> bool:
        """Say whether anything is left to be announced."""
        return bool(self._waiting)

    def add(self, macs: Iterable[bytes], now: float) -> None:
        """Take stations that are here now; what is no station's address is left out."""
        for mac in macs:
            if len(self._waiting) >= MOST_WAITING or mac[0] & 1 or mac == NOBODY:
                continue
            for is_again in (False, True):
                self._waiting.setdefault((mac, is_again), now + AGAIN_S * is_again)

    def forget(self, macs: Iterable[bytes]) -> None:
        """Leave out stations that have gone: said once more, they would be looked for here."""
        for mac in macs:
            for is_again in (False, True):
                self._waiting.pop((mac, is_again), None)

    def take(self, now: float) -> list[bytes]:
        """Return the frames that are due."""
        elapsed = now - self._filled_at if self._filled_at else 0.0
        self._tokens = min(BURST, self._tokens + elapsed * RATE)
        self._filled_at = now
        due = [key for key, at in self._waiting.items() if at <= now][: int(self._tokens)]
        self._tokens -= len(due)
        for key in due:
            del self._waiting[key]
        return [encode_announcement(mac) for mac, _ in due]
