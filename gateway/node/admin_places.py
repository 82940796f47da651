"""The places of administrators' connections: how many there are, whose, and who has to go.

A connection is good for as long as what it was opened with: a password, a name, a token, a hub.
What follows from a change is seen twice: a call is refused at once (`rpc/dispatch.py`), and the
connection ends within a second, whoever changed it and at whichever gateway.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count as numbers

import gevent
import structlog

from coordinator.errors import CoordinatorError
from coordinator.fleet import Fleet
from coordinator.times import utc_now
from gateway.admin import administrators
from gateway.admin.administrators import Caller
from gateway.admin.live import ConnectionRow

log = structlog.get_logger()

MAX_CONNECTIONS = 200  # administrators at once
MAX_PER_SOURCE = 32  # of those, from one address
LAST_ANSWER_S = 0.2  # before a connection is ended that an administrator wants ended
LOOK_EVERY_S = 0.5  # at what connections were opened with


@dataclass(slots=True)
class Place:
    """A connection that is served."""

    number: int
    address: str
    since_ms: int
    source: str
    caller: Caller | None
    """Whose it is now: he may have changed his password. None: each request says who makes it."""
    is_calling: bool = False
    """A call is under way: perhaps the one by which he changes his own password."""
    greenlet: "gevent.Greenlet[..., object]" = field(init=False)


class AdminPlaces:
    """All of them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._places: dict[int, Place] = {}
        self._numbers = numbers(1)
        self._by_source: Counter[str] = Counter()

    def has_room(self, source: str) -> bool:
        """Say whether one more connection from there may be served."""
        return len(self._places) < MAX_CONNECTIONS and self._by_source[source] < MAX_PER_SOURCE

    def take(
        self,
        address: str,
        source: str,
        caller: Caller | None,
        serve: Callable[[Place], None],
    ) -> Place:
        """Give a connection its place; `serve` is what its greenlet, not started yet, will do."""
        since_ms = int(time.time() * 1000)  # noqa: TID251  # the rim: shown to people
        place = Place(next(self._numbers), address, since_ms, source, caller)
        greenlet: gevent.Greenlet[..., object] = gevent.Greenlet(serve, place)
        place.greenlet = greenlet
        self._places[place.number] = place
        self._by_source[source] += 1
        return place

    def leave(self, place: Place) -> None:
        """Free a place."""
        del self._places[place.number]
        self._by_source[place.source] -= 1
        if not self._by_source[place.source]:
            del self._by_source[place.source]

    def connections(self) -> list[ConnectionRow]:
        """Return the connections that are served."""
        return [
            ConnectionRow(f"CID-{place.number}", place.address, place.since_ms, True)
            for place in self._places.values()
        ]

    def end(self, name: str) -> bool:
        """End the connection of that name, in a moment: whoever ends his own has his answer. False
        if there is none."""
        for place in self._places.values():
            if name.lower() == f"cid-{place.number}":
                gevent.spawn_later(LAST_ANSWER_S, place.greenlet.kill, block=False)
                return True
        return False

    def watch(self) -> None:
        """End the connections of those who are no administrators any more, while any stand."""
        while any(place.caller is not None for place in self._places.values()):
            gevent.sleep(LOOK_EVERY_S)
            try:
                self._look()
            except CoordinatorError as error:
                log.debug("administrators not looked at", why=str(error))

    def _look(self) -> None:
        held = [
            (place, place.caller)
            for place in self._places.values()
            if place.caller is not None and not place.is_calling
        ]
        reasons = administrators.why_out(self._fleet, [caller for _, caller in held], utc_now())
        for (place, caller), why in zip(held, reasons, strict=True):
            # What was read may be what he changed himself meanwhile.
            if why is not None and place.caller is caller and not place.is_calling:
                log.info("administrator out", who=caller.name, address=place.address, why=str(why))
                place.greenlet.kill(block=False)
