"""Which port owns which MAC address: learn, move, age, evict fairly.

After Open vSwitch's `mac-learning`. A few complications make it more than a dictionary:

1. *Oldest first.* Each port's entries are kept in the order they were last refreshed, so the oldest
   is always the first: ageing and eviction take from the front and never search.
2. *Cheap refresh.* An entry in use is refreshed once per `refresh_s`, not per run: the caller
   compares `entry.seen` with the time and calls `refresh` rarely. `seen` may lag by that much.
3. *Fair eviction.* When the table is full, the port that holds the most addresses loses its oldest;
   between equals, the one that wants to learn. A flood of addresses from one port takes what was
   free and then eats only itself, so it cannot unlearn the others.
4. *Which port holds the most* is known at any time: ports are kept by how many they hold, and that
   number only ever moves by one.
5. *Entries outlive the table.* Whoever caches an entry sees it move (`port` changes) or go (`port`
   becomes None), so caches need no other word from the table.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)


@dataclass(slots=True, eq=False)
class Entry(Generic[P]):
    """One learned address; `port` is None once it has left the table. Times are seconds."""

    mac: bytes
    port: P | None
    learned: float  # when it was learned on this port
    seen: float  # when it was last refreshed


class MacTable(Generic[P]):
    """At most `capacity` addresses, each forgotten after `ageing_s` seconds without a frame.

    Ports are opaque. `learned`, `moved`, `expired` and `evicted` count what happened so far;
    addresses that go with their port are in none of them.
    """

    def __init__(self, capacity: int, ageing_s: float) -> None:
        self.capacity = capacity
        self.ageing_s = ageing_s
        self.refresh_s = min(1.0, ageing_s / 10)
        self.learned = self.moved = self.expired = self.evicted = 0
        self._entries: dict[bytes, Entry[P]] = {}
        self._held: dict[P, OrderedDict[bytes, Entry[P]]] = {}
        self._by_count: dict[int, dict[P, None]] = {}  # the inner dict is an ordered set
        self._most = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry[P]]:
        return iter(self._entries.values())

    def lookup(self, mac: bytes) -> Entry[P] | None:
        """Return the entry of `mac`, or None where it is not known."""
        return self._entries.get(mac)

    def held(self, port: P) -> int:
        """Return how many addresses `port` holds."""
        return len(self._held.get(port, ()))

    def learn(self, mac: bytes, port: P, now: float, limit: int = 0) -> Entry[P] | None:
        """Note that `mac` spoke on `port` and return its entry.

        None when it is new to the port and the port holds `limit` addresses already (0: no limit).
        """
        entry = self._entries.get(mac)
        if entry is not None and entry.port == port:
            if now - entry.seen >= self.refresh_s:
                self.refresh(entry, now)
            return entry
        if limit and self.held(port) >= limit:
            return None
        if entry is not None:
            self._release(entry)
            entry.learned = now
            self.moved += 1
        else:
            if len(self._entries) >= self.capacity:
                self._evict_for(port)
            entry = self._entries[mac] = Entry(mac, None, now, now)
            self.learned += 1
        self._hold(entry, port, now)
        return entry

    def refresh(self, entry: Entry[P], now: float) -> None:
        """Note that `entry`, which is in the table, was in use at `now`."""
        entry.seen = now
        assert entry.port is not None
        self._held[entry.port].move_to_end(entry.mac)

    def expire(self, now: float) -> float:
        """Forget what was silent for `ageing_s`; return for how long nothing more can expire."""
        oldest = now
        for entries in list(self._held.values()):
            while entries:
                entry = next(iter(entries.values()))
                if now - entry.seen < self.ageing_s:
                    oldest = min(oldest, entry.seen)
                    break
                self._forget(entry)
                self.expired += 1
        return oldest + self.ageing_s - now

    def forget(self, mac: bytes) -> bool:
        """Forget one address; false if it is not known. It is learned again when it speaks."""
        entry = self._entries.get(mac)
        if entry is not None:
            self._forget(entry)
        return entry is not None

    def forget_port(self, port: P) -> None:
        """Forget every address of `port`, which is going away."""
        for entry in list(self._held.get(port, {}).values()):
            self._forget(entry)

    def _evict_for(self, port: P) -> None:
        fullest = self._by_count[self._most]
        victim = port if port in fullest else next(iter(fullest))
        self._forget(next(iter(self._held[victim].values())))
        self.evicted += 1

    def _forget(self, entry: Entry[P]) -> None:
        self._release(entry)
        del self._entries[entry.mac]

    def _hold(self, entry: Entry[P], port: P, now: float) -> None:
        entry.port = port
        entry.seen = now
        entries = self._held.setdefault(port, OrderedDict())
        entries[entry.mac] = entry
        self._recount(port, len(entries) - 1, len(entries))

    def _release(self, entry: Entry[P]) -> None:
        port, entry.port = entry.port, None
        assert port is not None
        entries = self._held[port]
        del entries[entry.mac]
        self._recount(port, len(entries) + 1, len(entries))
        if not entries:
            del self._held[port]

    def _recount(self, port: P, before: int, after: int) -> None:
        """Move `port` to the ports that hold `after` addresses, one more or fewer than before."""
        if before:
            peers = self._by_count[before]
            del peers[port]
            if not peers:
                del self._by_count[before]
        if after:
            self._by_count.setdefault(after, {})[port] = None
        if after > self._most or (before == self._most and before not in self._by_count):
            self._most = after
