"""An access list, compiled: which rule decides about a frame.

A frame's facts become one number, a rule two: the bits it asks about and what they must be. So
addresses with masks, protocol, kind and TCP state are one AND and one comparison, as in the memory
of a hardware switch; ranges of ports and names come after. Rules that are off, and those about
another source user than the port's, are left out when the list is compiled for a port.

A rule that names a destination user cannot be judged before it is known where a frame goes. The
reference asks the rules before the first such one when a frame comes in, and the rest, in order,
for each port it would leave by; so do we (`Matcher.on_entry`, `Matcher.towards`).

What the reference does where its manual is silent: a frame no rule matches passes; ARP matches no
rule at all unless ApplyIPv4AccessListOnArpPacket is set, and then is matched by its addresses;
0.0.0.0/0 and ::/0 are no condition, so they match frames that are not IP as well; ports match TCP
and UDP only, a TCP state TCP only; fragments after the first have no ports.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from coordinator.access import ANY_PORT, AccessRule
from coordinator.masks import Masked
from gateway.hub.frame_facts import ACK, SYN, Facts, Layer
from gateway.hub.impairment import Impairment
from gateway.hub.judge import PASSES
from gateway.hub.redirection import Redirection

DROPPED = "access-list"

# Bits of a frame's number, from the lowest.
_IPV4, _IPV6, _SOURCE_V4, _DESTINATION_V4, _PORTS, _TCP, _OPENING = (1 << n for n in range(7))
_PROTOCOL = 8
_SOURCE_MAC = _PROTOCOL + 8
_DESTINATION_MAC = _SOURCE_MAC + 48
_SOURCE = _DESTINATION_MAC + 48
_DESTINATION = _SOURCE + 128

MAX_MATCHERS = 256  # of a list, that are kept for ports to come

_NO_ADDRESS = (bytes(4), b"\xff" * 4)  # of ARP: nobody's


class Who(NamedTuple):
    """Whose port it is, by folded names; empty: nobody's."""

    user: str = ""
    group: str = ""

    def is_named(self, name: str) -> bool:
        """Say whether a rule that names `name`, folded, means this port."""
        return name in (self.user, self.group)


class _Entry(NamedTuple):
    """One compiled rule."""

    mask: int
    value: int
    source_ports: tuple[int, int]
    destination_ports: tuple[int, int]
    destination_user: str
    verdict: str
    """PASSES, DROPPED or the name of an impairment or a redirection."""


class Matchers:
    """The matchers of one access list. A rule is compiled once, and ports that no rule tells apart
    share one matcher: a list may be long, and ports many, when it changes."""

    __slots__ = ("_arp", "_entries", "_made", "_names", "impairments", "redirections")

    def __init__(self, rules: Iterable[AccessRule] = (), *, arp: bool = False) -> None:
        """`rules` in the order they are asked; `arp`: ApplyIPv4AccessListOnArpPacket."""
        active = [rule for rule in rules if rule.active]
        self._entries = [(_fold(rule.source_user), _compile(rule)) for rule in active]
        found = [impairment for rule in active if (impairment := _impairment(rule)) is not None]
        self.impairments: Mapping[str, Impairment] = {str(one): one for one in found}
        """What some rules do to frames they let pass, by the verdict that says so."""
        redirecting = [_redirection(rule) for rule in active if rule.redirect_url]
        self.redirections: Mapping[str, Redirection] = {str(one): one for one in redirecting}
        self._names = {name for name, _ in self._entries if name}
        self._arp = arp
        self._made: dict[Who, Matcher] = {}

    def of(self, source: Who) -> "Matcher":
        """Return the matcher of frames from a port of `source`."""
        told = Who(*(name if name in self._names else "" for name in source))
        found = self._made.get(told)
        if found is None:
            if len(self._made) >= MAX_MATCHERS:
                self._made.clear()
            asked = [entry for name, entry in self._entries if not name or told.is_named(name)]
            found = self._made[told] = Matcher(asked, arp=self._arp)
        return found


class Matcher:
    """The rules that may be about frames from one port, in order."""

    __slots__ = ("_arp", "_later", "_on_entry")

    def __init__(self, entries: Sequence[_Entry], *, arp: bool = False) -> None:
        """Use `Matchers`."""
        named = (i for i, entry in enumerate(entries) if entry.destination_user)
        first_named = next(named, len(entries))
        self._on_entry = entries[:first_named]
        self._later = entries[first_named:]
        self._arp = arp

    @property
    def is_empty(self) -> bool:
        """Say whether no rule can match."""
        return not self._on_entry and not self._later

    @property
    def asks_destination(self) -> bool:
        """Say whether some rules are about where a frame goes: `towards` is asked, too."""
        return bool(self._later)

    def on_entry(self, facts: Facts) -> str | None:
        """Return the verdict on a frame that comes in; None: no rule asked so far says."""
        return self._ask(self._on_entry, facts, Who())

    def towards(self, facts: Facts, destination: Who) -> str:
        """Return the verdict on a frame, undecided on entry, on its way to `destination`."""
        return self._ask(self._later, facts, destination) or PASSES

    def _ask(self, entries: Sequence[_Entry], facts: Facts, destination: Who) -> str | None:
        if not entries or (facts.layer is Layer.ARP and not self._arp):
            return None
        number = _number(facts)
        for mask, value, source_ports, destination_ports, user, verdict in entries:
            if number & mask != value:
                continue
            if source_ports != ANY_PORT and not (
                source_ports[0] <= facts.source_port <= source_ports[1]
            ):
                continue
            if destination_ports != ANY_PORT and not (
                destination_ports[0] <= facts.destination_port <= destination_ports[1]
            ):
                continue
            if user and not destination.is_named(user):
                continue
            return verdict
        return None


def _number(facts: Facts) -> int:
    """Return a frame's facts as one number."""
    number = int.from_bytes(facts.source_mac) << _SOURCE_MAC
    number |= int.from_bytes(facts.destination_mac) << _DESTINATION_MAC
    number |= int.from_bytes(facts.source) << _SOURCE
    number |= int.from_bytes(facts.destination) << _DESTINATION
    if facts.layer is Layer.ARP:
        number |= _SOURCE_V4 if facts.source not in _NO_ADDRESS else 0
        return number | (_DESTINATION_V4 if facts.destination not in _NO_ADDRESS else 0)
    if facts.layer is Layer.IPV4:
        number |= _IPV4 | _SOURCE_V4 | _DESTINATION_V4
    elif facts.layer is Layer.IPV6:
        number |= _IPV6
    else:
        return number
    number |= facts.protocol << _PROTOCOL
    if facts.source_port >= 0:
        number |= _PORTS
    if facts.tcp_flags >= 0:
        number |= _TCP
        if facts.tcp_flags & SYN and not facts.tcp_flags & ACK:
            number |= _OPENING
    return number


def _impairment(rule: AccessRule) -> Impairment | None:
    """Return what becomes of the frames that a rule lets pass, if they do not just pass."""
    if rule.discard or not (rule.delay_ms or rule.loss_percent):
        return None
    return Impairment(rule.delay_ms / 1000, rule.jitter_percent / 100, rule.loss_percent / 100)


def _redirection(rule: AccessRule) -> Redirection:
    return Redirection(rule.redirect_url, _verdict(replace(rule, redirect_url="")))


def _verdict(rule: AccessRule) -> str:
    if rule.redirect_url:
        return str(_redirection(rule))
    impairment = _impairment(rule)
    if impairment is not None:
        return str(impairment)
    return DROPPED if rule.discard else PASSES


def _compile(rule: AccessRule) -> _Entry:
    mask = value = 0

    def ask(masked: Masked | None, shift: int, needed: int = 0) -> None:
        nonlocal mask, value
        if masked is None or not any(masked.address + masked.mask):
            return
        bits = int.from_bytes(masked.mask)
        mask |= bits << shift | needed
        value |= (int.from_bytes(masked.address) & bits) << shift | needed

    ask(rule.source_mac, _SOURCE_MAC)
    ask(rule.destination_mac, _DESTINATION_MAC)
    ask(rule.source, _SOURCE, _IPV6 if rule.is_ipv6 else _SOURCE_V4)
    ask(rule.destination, _DESTINATION, _IPV6 if rule.is_ipv6 else _DESTINATION_V4)
    family = _IPV6 if rule.is_ipv6 else _IPV4
    if rule.protocol:
        mask |= family | 0xFF << _PROTOCOL
        value |= family | rule.protocol << _PROTOCOL
    if rule.source_ports != ANY_PORT or rule.destination_ports != ANY_PORT:
        mask |= family | _PORTS
        value |= family | _PORTS
    if rule.established is not None:
        mask |= family | _TCP | _OPENING
        value |= family | _TCP | (0 if rule.established else _OPENING)
    return _Entry(
        mask,
        value,
        rule.source_ports,
        rule.destination_ports,
        _fold(rule.destination_user),
        _verdict(rule),
    )


def _fold(name: str) -> str:
    """As `names.fold`, of a name that was stored and so is one."""
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
