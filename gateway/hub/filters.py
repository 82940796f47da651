"""Policies as filters: may this frame come in by a port, may it leave by one?

Each filter is one policy and a claim about a frame; a frame is dropped for the first that holds,
under the reason it is counted by. What comes in is asked by the policy of its port, what leaves by
that of the other. Only filters that are set are in the list that is asked, so a policy without any
costs nothing. That a port's own frames are judged by both, and others' by the second only, is the
reference's (`StorePacketFilterByPolicy`, `StorePacket`); so is each claim, with one exception:
VLAN tags are looked through, there they hide a frame from FilterIPv4 and its kin.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from gateway.hub.frame_facts import (
    ACK,
    ARP,
    DHCP_REPLY,
    ICMPV6,
    IPV4,
    IPV6,
    OSPF,
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    SYN,
    UDP,
    Facts,
    Layer,
)
from gateway.wire.policy import Policy

Claim: TypeAlias = Callable[[Facts], bool]
Filter: TypeAlias = tuple[str, Claim]
"""The reason a frame is counted under, and whether it is dropped."""

PPPOE = (0x8863, 0x8864)
ENTRY_OPTIONS = (
    "FilterPPPoE",
    "FilterOSPF",
    "FilterIPv4",
    "FilterIPv6",
    "FilterNonIP",
    "FilterBPDU",
)
"""Options of a hub that hold for every port."""


def entry_filters(policy: Policy, options: Mapping[str, int]) -> tuple[Filter, ...]:
    """Return what frames that come in by a port must get past, by its policy and its hub's."""
    asked: Sequence[tuple[bool, str, Claim]] = (
        (policy.no_server, "no-server", _answers_v4),
        (policy.no_server_v6, "no-server", _answers_v6),
        (policy.arp_dhcp_only, "arp-dhcp-only", _is_other_broadcast),
        (policy.filter_ipv4, "filter-ipv4", _is_ipv4),
        (policy.filter_ipv6, "filter-ipv6", _is_ipv6),
        (policy.filter_non_ip, "filter-non-ip", _is_non_ip),
        (policy.dhcp_filter, "dhcp-filter", _is_dhcp),
        (policy.dhcpv6_filter, "dhcpv6-filter", _is_dhcpv6),
        (policy.dhcp_no_server, "dhcp-no-server", _is_dhcp_answer),
        (policy.dhcpv6_no_server, "dhcpv6-no-server", _is_dhcpv6_answer),
        (policy.rs_and_ra_filter, "rs-and-ra-filter", _is_rs_or_ra),
        (policy.ra_filter, "ra-filter", _is_ra),
        (bool(options.get("FilterPPPoE")), "hub-filter", _is_pppoe),
        (bool(options.get("FilterOSPF")), "hub-filter", _is_ospf),
        (bool(options.get("FilterIPv4")), "hub-filter", _is_ipv4),
        (bool(options.get("FilterIPv6")), "hub-filter", _is_ipv6),
        (bool(options.get("FilterNonIP")), "hub-filter", _is_non_ip),
        (bool(options.get("FilterBPDU")), "hub-filter", _is_bpdu),
    )
    return tuple((reason, claim) for is_set, reason, claim in asked if is_set)


def exit_filters(policy: Policy) -> tuple[Filter, ...]:
    """Return what frames that leave by a port must get past, by its policy."""
    asked: Sequence[tuple[bool, str, Claim]] = (
        (policy.rs_and_ra_filter, "rs-and-ra-filter", _is_rs_or_ra),
        (policy.dhcp_filter, "dhcp-filter", _is_dhcp),
        (policy.dhcpv6_filter, "dhcpv6-filter", _is_dhcpv6),
        (policy.arp_dhcp_only, "arp-dhcp-only", _is_other_broadcast),
        (policy.filter_ipv4, "filter-ipv4", _is_ipv4),
        (policy.filter_ipv6, "filter-ipv6", _is_ipv6),
        (policy.filter_non_ip, "filter-non-ip", _is_non_ip),
    )
    return tuple((reason, claim) for is_set, reason, claim in asked if is_set)


def first_reason(filters: Sequence[Filter], facts: Facts) -> str:
    """Return why a frame is dropped; nothing if it is not."""
    for reason, claim in filters:
        if claim(facts):
            return reason
    return ""


def is_private(facts: Facts, options: Mapping[str, int]) -> bool:
    """Say whether a frame does not pass between two ports that both have PrivacyFilter.

    None does, unless the hub's options let groups or ARP pass.
    """
    if facts.is_group and not options.get("DropBroadcastsInPrivacyFilterMode", 1):
        return False
    return facts.layer is not Layer.ARP or bool(options.get("DropArpInPrivacyFilterMode", 1))


def _answers_v4(facts: Facts) -> bool:
    return facts.layer is Layer.IPV4 and _is_syn_ack(facts)


def _answers_v6(facts: Facts) -> bool:
    return facts.layer is Layer.IPV6 and _is_syn_ack(facts)


def _is_syn_ack(facts: Facts) -> bool:
    return facts.tcp_flags >= 0 and facts.tcp_flags & (SYN | ACK) == SYN | ACK


def _is_other_broadcast(facts: Facts) -> bool:
    """To a group, and neither ARP, DHCP, nor ICMPv6, which IPv6 cannot do without."""
    if not facts.is_group or facts.layer is Layer.ARP or facts.is_dhcp or facts.is_dhcpv6:
        return False
    return not (facts.layer is Layer.IPV6 and facts.protocol == ICMPV6)


def _is_ipv4(facts: Facts) -> bool:
    return facts.ethertype in (IPV4, ARP)


def _is_ipv6(facts: Facts) -> bool:
    return facts.ethertype == IPV6


def _is_non_ip(facts: Facts) -> bool:
    return facts.ethertype not in (IPV4, ARP, IPV6)


def _is_dhcp(facts: Facts) -> bool:
    return facts.is_dhcp


def _is_dhcp_answer(facts: Facts) -> bool:
    return facts.is_dhcp and facts.dhcp_operation == DHCP_REPLY


def _is_dhcpv6(facts: Facts) -> bool:
    return facts.is_dhcpv6


def _is_dhcpv6_answer(facts: Facts) -> bool:
    if facts.layer is not Layer.IPV6 or facts.protocol != UDP:
        return False
    return facts.destination_port == 546 or facts.source_port == 547


def _is_rs_or_ra(facts: Facts) -> bool:
    return facts.icmpv6_type in (ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT)


def _is_ra(facts: Facts) -> bool:
    return facts.icmpv6_type == ROUTER_ADVERTISEMENT


def _is_pppoe(facts: Facts) -> bool:
    return facts.ethertype in PPPOE


def _is_ospf(facts: Facts) -> bool:
    return facts.layer is Layer.IPV4 and facts.protocol == OSPF


def _is_bpdu(facts: Facts) -> bool:
    return facts.is_bpdu
