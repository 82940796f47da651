"""Knocks: whose is the next connection of an address?

A client whose connection ended knocks again at the address and port it knows, wherever its hub is
by then. Which session it comes back to it says inside TLS, and then it is too late to hand the
connection to another process. So whoever knows that a client is about to come notes it: its next
connection at that port is for that worker. What makes it more than a dictionary:

1. Many clients share an address (NAT). A note is for one connection, and notes of an address are
   used in the order they were made, which is the order in which its clients knock.
2. Some never come back. A note is good for `GOOD_S` only, or it would misdirect somebody else.
3. A note may be wrong all the same. Then the one who got the connection says "try again" and notes
   what it has learned: the client is right at its second knock, a second later.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

GOOD_S = 5.0  # stock clients knock at once, then once a second (spec 5.6)
TIDY_ABOVE = 1000  # addresses


class Knock(NamedTuple):
    """A client coming back: it is known by where from and where to, and nothing else."""

    address: str
    """Of the client, without its port."""
    tcp_port: int
    """Of ours."""


class Knocks:
    """Knocks expected; `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._expected: dict[Knock, deque[tuple[str, float]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._expected.values()))

    def expect(self, knocks: Iterable[Knock], node: str, now: float) -> None:
        """Note that one connection for each of `knocks` is for `node`."""
        if len(self._expected) > TIDY_ABOVE:
            self._tidy(now)
        for knock in knocks:
            self._expected.setdefault(knock, deque()).append((node, now + GOOD_S))

    def take(self, knock: Knock, now: float) -> str:
        """Return whose this connection is, and forget the note; empty: nobody said so."""
        notes = self._expected.get(knock)
        while notes:
            node, good_until = notes.popleft()
            if not notes:
                del self._expected[knock]
            if now < good_until:
                return node
        return ""

    def _tidy(self, now: float) -> None:
        """Forget the addresses nobody came from."""
        self._expected = {k: notes for k, notes in self._expected.items() if now < notes[-1][1]}
