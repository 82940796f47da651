"""The rules of a switch: who is under which, and what that means for each port.

A port has `Terms`: whose it is, and his policy. The switch has an access list and options. From
both follows what is asked when a frame comes in by the port (`Entry`) and when one leaves by it
(`Exit`); a port about which nothing is asked has neither, and its frames take the fast path. Both
are made anew when terms or rules change, never while frames pass.

Order, on entry: the policy's and the hub's filters, the access list, whose IP address it is, then
the limit of bandwidth: what is dropped for another reason takes nothing from it, unlike at the
reference. Towards each port it would leave by: privacy, and rules that name a destination user.
On exit: the policy's filters of the other side, then its limit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from coordinator.access import AccessRule
from gateway.hub.access import Matchers, Who
from gateway.hub.filters import (
    Filter,
    entry_filters,
    exit_filters,
    first_reason,
    is_private,
)
from gateway.hub.frame_facts import (
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    Facts,
    Layer,
    read_facts,
)
from gateway.hub.impairment import FULL, Impairment
from gateway.hub.ip_table import REFRESH_S, IpLimits, IpTable, limits_of
from gateway.hub.judge import PASSES, URGENT, Judge
from gateway.hub.limit import TokenBucket
from gateway.hub.port import Port
from gateway.hub.redirection import may_hold_question
from gateway.wire.policy import Policy

BURST_S = 1.0  # seconds' worth of bandwidth that may pass at once
LEAST_BURST = 1600  # bytes: the longest frame
MAX_DESTINATIONS = 64  # users whose verdicts one port remembers
PLAIN_MACS = 3  # of a session that may not bridge, as at the reference
_NOBODYS_V4 = (bytes(4), b"\xff" * 4)
_NOBODYS_V6 = (bytes(16), bytes(15) + b"\x01")
_NO_LIMITS = IpLimits()


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose port it is and what he may."""

    who: Who = field(default_factory=Who)
    policy: Policy = field(default_factory=lambda: Policy(no_bridge=False, no_routing=False))
    """As it was set: without what every plain client is told."""
    is_ipv6: bool = False
    """He reached us by IPv6."""

    @property
    def ip_limits(self) -> IpLimits:
        """Return what the policy says about IP addresses."""
        policy = self.policy
        most_v4, most_v6 = limits_of(
            max_ip=policy.max_ip,
            max_ipv6=policy.max_ipv6,
            no_routing=policy.no_routing,
            no_routing_v6=policy.no_routing_v6,
        )
        return IpLimits(most_v4, most_v6, policy.dhcp_force, policy.check_ip, policy.check_ipv6)


NO_TERMS = Terms()
"""Of ports that are nobody's session."""


class Entry:
    """What is asked about frames that come in by one port."""

    __slots__ = (
        "_filters",
        "_ip_limits",
        "_ips",
        "_matcher",
        "_options",
        "_owner_of",
        "_port",
        "_towards",
        "asks_destination",
        "bucket",
        "impairments",
        "is_stateful",
        "judge",
        "redirections",
        "terms",
        "vlan",
    )

    def __init__(
        self, port: Port, terms: Terms, rules: "HubRules", bucket: TokenBucket | None
    ) -> None:
        self.terms = terms
        self.bucket = bucket
        self.vlan = terms.policy.vlan_id
        self.judge = Judge(self._decide)
        self._port = port
        self._options = rules.options
        self._filters = entry_filters(terms.policy, rules.options)
        self._matcher = rules.matchers.of(terms.who)
        self.impairments = rules.matchers.impairments
        self.redirections = rules.matchers.redirections
        self._ip_limits = terms.ip_limits
        self._ips = rules.ips if rules.watches_ips or self._ip_limits else None
        self._owner_of = rules.owner_of
        self._towards: dict[tuple[Who, bool], Judge] = {}
        self.is_stateful = bucket is not None or self._ips is not None
        self.asks_destination = terms.policy.privacy_filter or self._matcher.asks_destination

    @property
    def is_needed(self) -> bool:
        """Say whether anything is asked at all."""
        return bool(
            self._filters
            or not self._matcher.is_empty
            or self.is_stateful
            or self.asks_destination
            or self.vlan
        )

    def settle(self, verdict: str, key: bytes | None, frame: bytes, now: float) -> str:
        """Return the verdict on a frame that depends on more than itself, if the judge passed it.

        Only where `is_stateful`; `key` is the frame's flow, `frame` the frame.
        """
        is_special = verdict in self.impairments or verdict in self.redirections
        if not is_special and verdict not in (PASSES, URGENT):
            return verdict
        if self._ips is not None and (reason := self._use_ip(self._ips, key, frame, now)):
            return reason
        limit = None if verdict is URGENT else self.bucket
        if limit is not None and not limit.take(len(frame), now):
            return "upload-limit"
        return verdict if is_special else PASSES

    def towards(self, target: Port, terms: Terms) -> Judge | None:
        """Return who judges what goes to `target`; None if nothing is asked about it."""
        private = self.terms.policy.privacy_filter and terms.policy.privacy_filter
        if private and self._options.get("AllowSameUserInPrivacyFilterMode"):
            private = self.terms.who.user != terms.who.user
        if not private and not self._matcher.asks_destination:
            return None
        key = (terms.who if self._matcher.asks_destination else Who(), private)
        found = self._towards.get(key)
        if found is None:
            if len(self._towards) >= MAX_DESTINATIONS:
                self._towards.clear()
            found = self._towards[key] = Judge(self._decide_towards(terms.who, private))
        return found

    def _decide(self, facts: Facts) -> str:
        reason = first_reason(self._filters, facts)
        if reason:
            return reason
        if verdict := self._matcher.on_entry(facts):
            redirection = self.redirections.get(verdict)
            if redirection is None or may_hold_question(facts):
                return verdict
            if redirection.otherwise:
                return redirection.otherwise
        return URGENT if self.bucket is not None and facts.is_urgent else PASSES

    def _decide_towards(self, who: Who, private: bool) -> Callable[[Facts], str]:
        def decide(facts: Facts) -> str:
            if private and is_private(facts, self._options):
                return "privacy-filter"
            if self._matcher.on_entry(facts) is not None:
                return PASSES
            verdict = self._matcher.towards(facts, who)
            redirection = self.redirections.get(verdict)
            return verdict if redirection is None else redirection.otherwise

        return decide

    def _use_ip(self, ips: IpTable[Port], key: bytes | None, frame: bytes, now: float) -> str:
        if key is not None:
            entry = ips.find(key[:4] if len(key) < 16 else key[:16])
            if entry is not None and entry.port is self._port and now - entry.seen < REFRESH_S:
                return ""
        facts = read_facts(frame)
        if facts.lease is not None:
            owner = self._owner_of(facts.lease[1])
            if owner is not None and facts.lease[0] not in _NOBODYS_V4:
                ips.lease(facts.lease[0], owner, now)
        if facts.layer is Layer.OTHER or facts.is_dhcp:
            return ""
        if facts.layer is Layer.IPV6:
            if facts.source in _NOBODYS_V6 or facts.source[0] == 0xFF:
                return ""
            configures = facts.is_dhcpv6 or facts.icmpv6_type in (
                ROUTER_SOLICITATION,
                ROUTER_ADVERTISEMENT,
            )
            limits = _NO_LIMITS if configures else self._ip_limits
            return ips.use(facts.source, self._port, limits, now)
        if facts.source in _NOBODYS_V4:
            return ""
        return ips.use(facts.source, self._port, self._ip_limits, now)


class Exit:
    """What is asked about frames that leave by one port."""

    __slots__ = ("_filters", "bucket", "judge", "no_default_router", "vlan")

    def __init__(self, terms: Terms, bucket: TokenBucket | None) -> None:
        policy = terms.policy
        self.bucket = bucket
        self.vlan = policy.vlan_id
        self.no_default_router = policy.no_ipv6_default_router_in_ra or (
            policy.no_ipv6_default_router_in_ra_when_ipv6 and terms.is_ipv6
        )
        self.judge = Judge(self._decide)
        self._filters: Sequence[Filter] = exit_filters(policy)

    @property
    def is_needed(self) -> bool:
        """Say whether anything is asked at all."""
        return bool(self._filters or self.bucket is not None or self.vlan or self.no_default_router)

    def _decide(self, facts: Facts) -> str:
        reason = first_reason(self._filters, facts)
        return reason or (URGENT if self.bucket is not None and facts.is_urgent else PASSES)


class HubRules:
    """The rules of one switch and the terms of its ports."""

    def __init__(self, owner_of: Callable[[bytes], Port | None]) -> None:
        """`owner_of(mac)` says behind which port a station is."""
        self.access: Sequence[AccessRule] = ()
        self.matchers = Matchers()
        self.options: Mapping[str, int] = {}
        self.ips: IpTable[Port] = IpTable()
        self.watches_ips = False
        """Some port's policy depends on the addresses of all others."""
        self.owner_of = owner_of
        self.on_exit_changed: Callable[[Port], None] = lambda _port: None
        """Told of a port whose `exit` has come or gone."""
        self.impair: Callable[[Impairment, int, Callable[[float], None]], str] = _no_clock
        """Takes a frame of so many bytes that is to arrive later, and what to do then, told the
        time; answers PASSES or why it does not arrive. Whoever has a clock sets it."""
        self.visitor_of: Callable[[Port], str | None] = lambda _port: None
        """Says what a URL is told of who sends by a port; None: he is not to be answered. Whoever
        knows sessions sets it."""
        self._terms: dict[Port, Terms] = {}
        self._watchers: set[Port] = set()

    @property
    def matches_arp(self) -> bool:
        """Say whether access rules are asked about ARP."""
        return bool(self.options.get("ApplyIPv4AccessListOnArpPacket"))

    def change(self, access: Sequence[AccessRule], options: Mapping[str, int]) -> None:
        """Take a new access list, in the order it is asked, and new options."""
        self.access = tuple(rule for rule in access if rule.active)
        self.options = dict(options)
        self.matchers = Matchers(self.access, arp=self.matches_arp)
        self._arm_all()

    def join(self, port: Port, terms: Terms = NO_TERMS) -> None:
        """Put `port` under `terms`, from now on."""
        self._terms[port] = terms
        if terms.ip_limits.watches_others:
            self._watchers.add(port)
        else:
            self._watchers.discard(port)
        if not self._watch():
            self._arm(port)

    def leave(self, port: Port) -> None:
        """Forget a port."""
        self._terms.pop(port, None)
        self._watchers.discard(port)
        self.ips.forget_port(port)
        port.entry = port.exit = None
        self._watch()

    def terms_of(self, port: Port) -> Terms:
        """Return the terms a port is under."""
        return self._terms.get(port, NO_TERMS)

    def checks_mac(self, port: Port) -> bool:
        """Say whether `port` may not use addresses that another one uses."""
        return self.terms_of(port).policy.check_mac

    def _watch(self) -> bool:
        """See whether addresses must be known of all ports; say whether all were armed anew."""
        watches = bool(self._watchers)
        if watches == self.watches_ips:
            return False
        self.watches_ips = watches
        self._arm_all()
        return True

    def _arm_all(self) -> None:
        for port in self._terms:
            self._arm(port)

    def _arm(self, port: Port) -> None:
        terms = self._terms[port]
        policy = terms.policy
        entry = Entry(port, terms, self, _bucket(policy.max_upload, port.entry))
        port.entry = entry if entry.is_needed else None
        exit = Exit(terms, _bucket(policy.max_download, port.exit))
        port.exit = exit if exit.is_needed else None
        self.on_exit_changed(port)


def _no_clock(_impairment: Impairment, _size: int, _arrive: Callable[[float], None]) -> str:
    return FULL


def most_macs(policy: Policy) -> int:
    """Return how many MAC addresses a port may have; 0: any number."""
    if not policy.no_bridge:
        return policy.max_mac
    return min(policy.max_mac or PLAIN_MACS, PLAIN_MACS)


def _bucket(bits_per_s: int, former: Entry | Exit | None) -> TokenBucket | None:
    """Return the limit; the one there was, if it is the same: a change elsewhere refills none."""
    if not bits_per_s:
        return None
    rate = bits_per_s / 8
    if former is not None and former.bucket is not None and former.bucket.rate == rate:
        return former.bucket
    return TokenBucket(rate, max(rate * BURST_S, LEAST_BURST))
