"""Judging DNS: a name that clients use against the nodes that are alive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.admin.nodes import NodeReport
from gateway.doctor.findings import Finding, Level

LONG_TTL_S = 300  # clients go on trying a dead address for so long


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a resolver said about a name."""

    name: str
    addresses: Sequence[str] = ()
    ttl_s: int = 0
    why_not: str = ""
    """Why there is no answer."""


def judge_name(facts: NameFacts, nodes: Sequence[NodeReport]) -> Iterator[Finding]:
    """Return what there is to say about a name. Only IPv4 addresses can be told from the nodes."""
    check = f"DNS {facts.name}"
    if facts.why_not or not facts.addresses:
        why = facts.why_not or "no address"
        yield Finding(Level.ERR, check, why, "publish the addresses of the gateways under it")
        return
    alive = {r.node.direct_address: r.node.id for r in nodes if r.is_up and r.node.direct_address}
    mentioned = {a for a in facts.addresses if ":" not in a}
    dead = sorted(mentioned - alive.keys())
    missing = sorted(alive.keys() - mentioned)
    if mentioned and not mentioned & alive.keys():
        shown = ", ".join(dead)
        advice = "fine behind a balancer or NAT; else publish the nodes' own addresses"
        yield Finding(Level.WARN, check, f"{shown}: no living node names itself so", advice)
    else:
        for address in dead:
            advice = "take it out of DNS, or start the gateway there"
            yield Finding(Level.WARN, check, f"{address} is no living node's", advice)
        for address in missing:
            seen = f"{address} ({alive[address]}) is not in it"
            yield Finding(Level.WARN, check, seen, "add it, unless it is no entry")
        if not dead and not missing:
            yield Finding(Level.OK, check, ", ".join(sorted(facts.addresses)))
    if facts.ttl_s > LONG_TTL_S:
        advice = "a minute or less lets clients find living gateways soon"
        yield Finding(Level.WARN, check, f"its time to live is {facts.ttl_s} s", advice)
