"""Access lists: what a hub lets pass, rule by rule.

Rules are asked in the order of `AccessList.rules`, the lowest priority number first and, of equal
ones, those that pass before those that discard; the first that matches decides. What none matches
passes. A rule is stored as one line (`words.py`), and a whole list in one hash, so that whoever
reads it reads one list and never half of two.

Source: the reference's `CmpAccessList` and its tools; tried against it (docs/rules.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from coordinator.bounds import check_number, check_text
from coordinator.errors import InvalidValue
from coordinator.masks import IPV4, IPV6, MAC, Masked, check_masked, read_masked
from coordinator.words import from_line, to_line

MAX_ACCESS_RULES = 4096  # of one hub
MAX_PORT = 65535
MAX_DELAY_MS = 10_000  # the reference's
MAX_NOTE = 1024  # bytes
MAX_URL = 255  # bytes, the reference's: an answer is one frame
MAX_WHO = 255  # bytes
INFO = "<INFO>"
"""In a URL: who is redirected."""

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
"""Those with a name in text; others are numbers. 0: any."""
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}

Ports = tuple[int, int]
"""First and last; (0, 0): any, also frames without ports."""
ANY_PORT: Ports = (0, 0)


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One rule. Every condition that is set must hold; a rule without any matches every frame but
    ARP, which no rule matches unless the hub's option ApplyIPv4AccessListOnArpPacket is set."""

    priority: int
    """Asked in this order, 1 first."""
    discard: bool = False
    """What becomes of a frame that matches; false: it passes."""
    active: bool = True
    note: str = ""
    is_ipv6: bool = False
    """What kind of packet conditions on addresses, protocol, ports and TCP state are about."""
    source: Masked | None = None
    """An IPv4 or IPv6 network, by `is_ipv6`; None: any."""
    destination: Masked | None = None
    protocol: int = 0
    """Number of the IP protocol; 0: any."""
    source_ports: Ports = ANY_PORT
    """Of TCP and UDP."""
    destination_ports: Ports = ANY_PORT
    source_user: str = ""
    """A user or a group; empty: any."""
    destination_user: str = ""
    source_mac: Masked | None = None
    destination_mac: Masked | None = None
    established: bool | None = None
    """Of TCP: true, everything but the SYN that opens a connection; false, only that."""
    delay_ms: int = 0
    """Frames that it lets pass arrive so much later."""
    jitter_percent: int = 0
    """By how much of the delay it varies, up and down."""
    loss_percent: int = 0
    """Of the frames that it lets pass."""
    redirect_url: str = ""
    """Who sends data by TCP that it matches is answered by an HTTP redirect to there. One with INFO
    may have a secret: `split_secret`."""
    id: int = 0
    """Given by the store, unlike the reference's stable while other rules come and go. 0: new."""


@dataclass(frozen=True, slots=True)
class AccessList:
    """A hub's rules in the order they are asked."""

    hub: str
    rules: tuple[AccessRule, ...] = ()
    version: int = 0
    """The directory's version at its last change; 0: there never was one."""

    def find(self, rule_id: int) -> AccessRule | None:
        """Return a rule by its id; None if there is none."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)


def in_order(rules: Iterable[AccessRule]) -> tuple[AccessRule, ...]:
    """Return rules in the order they are asked."""
    return tuple(sorted(rules, key=lambda rule: (rule.priority, rule.discard, rule.id)))


def check_access_rule(rule: AccessRule) -> AccessRule:
    """Return `rule` as it is stored, with ports put right; raises InvalidValue."""
    check_number("priority", rule.priority, 1)
    check_number("protocol", rule.protocol, 0, 255)
    check_number("delay", rule.delay_ms, 0, MAX_DELAY_MS)
    check_number("jitter", rule.jitter_percent, 0, 100)
    check_number("loss", rule.loss_percent, 0, 100)
    for what, text, most in (
        ("note", rule.note, MAX_NOTE),
        ("redirect URL", rule.redirect_url, MAX_URL),
        ("source user", rule.source_user, MAX_WHO),
        ("destination user", rule.destination_user, MAX_WHO),
    ):
        check_text(what, text, most)
    if not rule.redirect_url.isprintable():
        raise InvalidValue(f"redirect URL {rule.redirect_url!r}: no line ends, nothing unprintable")
    ip = IPV6 if rule.is_ipv6 else IPV4
    for what, masked, kind in (
        ("source", rule.source, ip),
        ("destination", rule.destination, ip),
        ("source MAC", rule.source_mac, MAC),
        ("destination MAC", rule.destination_mac, MAC),
    ):
        if masked is not None:
            check_masked(what, masked, kind)
    return replace(
        rule,
        source_ports=_ports("source ports", rule.source_ports),
        destination_ports=_ports("destination ports", rule.destination_ports),
    )


def split_secret(url: str) -> tuple[str, str]:
    """Return a redirect URL and its secret, which stands behind the last `|` of one with INFO;
    empty: it has none."""
    before, bar, secret = url.rpartition("|")
    return (before, secret) if bar and INFO in url else (url, "")


def access_rule_to_line(rule: AccessRule) -> str:
    """Only what differs from the default follows action and priority; the id is the field's."""
    words = {"action": "discard" if rule.discard else "pass", "priority": str(rule.priority)}
    if not rule.active:
        words["active"] = "no"
    if rule.is_ipv6:
        words["ipv6"] = "yes"
    if rule.protocol:
        words["protocol"] = protocol_name(rule.protocol)
    for name in ("source", "destination", "source_mac", "destination_mac"):
        if (masked := getattr(rule, name)) is not None:
            words[name] = str(masked)
    for name in ("source_ports", "destination_ports"):
        if (ports := getattr(rule, name)) != ANY_PORT:
            words[name] = ports_to_text(ports)
    if rule.established is not None:
        words["established"] = "yes" if rule.established else "no"
    for name in ("source_user", "destination_user", "redirect_url", "note"):
        if text := getattr(rule, name):
            words[name] = text
    for name in ("delay_ms", "jitter_percent", "loss_percent"):
        if number := getattr(rule, name):
            words[name] = str(number)
    return to_line(words)


def access_rule_from_line(rule_id: int, line: str) -> AccessRule:
    """Return the rule; words nobody knows are left out. Raises InvalidValue."""
    try:
        words = from_line(line)
        return AccessRule(
            priority=int(words["priority"]),
            discard=words["action"] == "discard",
            active=words.get("active") != "no",
            note=words.get("note", ""),
            is_ipv6=words.get("ipv6") == "yes",
            source=_masked(words, "source"),
            destination=_masked(words, "destination"),
            protocol=read_protocol(words.get("protocol", "0")),
            source_ports=read_ports(words.get("source_ports", "0")),
            destination_ports=read_ports(words.get("destination_ports", "0")),
            source_user=words.get("source_user", ""),
            destination_user=words.get("destination_user", ""),
            source_mac=_masked(words, "source_mac"),
            destination_mac=_masked(words, "destination_mac"),
            established=words["established"] == "yes" if "established" in words else None,
            delay_ms=int(words.get("delay_ms", 0)),
            jitter_percent=int(words.get("jitter_percent", 0)),
            loss_percent=int(words.get("loss_percent", 0)),
            redirect_url=words.get("redirect_url", ""),
            id=rule_id,
        )
    except (KeyError, ValueError, InvalidValue) as error:
        raise InvalidValue(f"access rule {rule_id} {line!r}: {error}") from None


def protocol_name(number: int) -> str:
    """Return `tcp`, or a number that has no name here."""
    return _PROTOCOL_NAMES.get(number, str(number))


def read_protocol(text: str) -> int:
    """Return the number of a protocol by name or number; raises InvalidValue."""
    known = PROTOCOLS.get(text.lower())
    if known is not None:
        return known
    if text.isascii() and text.isdigit() and int(text) <= 255:
        return int(text)
    raise InvalidValue(f"protocol {text!r}: {', '.join(PROTOCOLS)} or a number to 255")


def ports_to_text(ports: Ports) -> str:
    """Return `80` or `1000-2000`."""
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def read_ports(text: str) -> Ports:
    """Return the ports of `80` or `1000-2000`; raises InvalidValue."""
    first, dash, last = text.partition("-")
    numbers = (first, last) if dash else (first, first)
    if not all(n.isascii() and n.isdigit() for n in numbers):
        raise InvalidValue(f"ports {text!r}: write 80 or 1000-2000")
    return _ports("ports", (int(numbers[0]), int(numbers[1])))


def _ports(what: str, ports: Ports) -> Ports:
    """As the reference: an end before the beginning is the beginning."""
    first, last = ports
    check_number(what, first, 0, MAX_PORT)
    check_number(what, last, 0, MAX_PORT)
    return (first, max(first, last))


def _masked(words: dict[str, str], name: str) -> Masked | None:
    return read_masked(words[name]) if name in words else None
