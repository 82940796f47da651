"""`etherfleet access`: which frames a hub lets pass."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from coordinator.access import (
    ANY_PORT,
    MAX_DELAY_MS,
    AccessRule,
    ports_to_text,
    protocol_name,
    read_ports,
    read_protocol,
)
from coordinator.errors import InvalidValue
from coordinator.masks import IPV6, Masked, read_network, read_stations
from gateway.cli.arguments import HUB
from gateway.cli.common import (
    F,
    Invocation,
    ask,
    fleet_options,
    format_option,
    note,
    now,
    options_of,
    pass_invocation,
    plural,
    yes_option,
)
from gateway.cli.exits import UsageProblem
from gateway.cli.output import Column, print_json, print_record, print_table
from gateway.cli.units import NONE, yes

T = TypeVar("T")

NUMBER = click.argument("number", metavar="NUMBER", type=click.IntRange(1))
NUMBERS = click.argument(
    "numbers", metavar="NUMBER...", type=click.IntRange(1), nargs=-1, required=True
)
COLUMNS = (
    Column("NUMBER", right=True),
    Column("PRIORITY", right=True),
    Column("ACTION"),
    Column("ACTIVE"),
    Column("WHAT", wrap=True),
    Column("NOTE", loose=True),
)


class Parsed(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """A text that a function reads, or refuses with advice."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        try:
            return self._read(str(value))
        except InvalidValue as error:
            self.fail(str(error), param, ctx)


@click.group()
def access() -> None:
    """Which frames a hub lets pass.

    Rules are asked by their priority, 1 first, and those that pass before those that discard; the
    first that matches decides. A frame that none matches passes. Changes act within a second or
    two, on all nodes, on sessions that stand.
    """


def _conditions(command: F) -> F:
    """Add the conditions of a rule."""
    network, ports = Parsed("network", read_network), Parsed("ports", read_ports)
    stations = Parsed("mac", read_stations)

    def option(name: str, metavar: str, type: Parsed, help: str) -> Callable[[F], F]:
        return click.option(name, metavar=metavar, type=type, help=help)

    protocol = Parsed("protocol", read_protocol)
    options: list[Callable[[F], F]] = [
        option("--source", "NETWORK", network, "IPv4 or IPv6 addresses: 10.0.0.0/8, 10.0.0.7."),
        option("--destination", "NETWORK", network, "The same, of whom it is sent to."),
        option("--protocol", "PROTOCOL", protocol, "tcp, udp, icmp, icmpv6 or a number."),
        option("--source-ports", "PORTS", ports, "Of TCP or UDP: 80 or 1000-2000."),
        option("--destination-ports", "PORTS", ports, "The same, of whom it is sent to."),
        click.option(
            "--established/--opening",
            default=None,
            help="TCP that goes on, or the packet that opens a connection.",
        ),
        click.option("--source-user", metavar="NAME", help="Sent by this user, or this group."),
        click.option("--destination-user", metavar="NAME", help="Sent to this user or group."),
        option("--source-mac", "MAC", stations, "Ethernet address, with a mask behind `/`."),
        option("--destination-mac", "MAC", stations, "The same, of whom it is sent to."),
        click.option("--ipv6", is_flag=True, help="IPv6, where no address says so already."),
    ]
    return options_of(*options)(command)


@access.command()
@HUB
@click.argument("action", metavar="ACTION", type=click.Choice(["pass", "discard"]))
@click.option(
    "--priority",
    metavar="N",
    type=click.IntRange(1, 0xFFFF_FFFF),
    default=100,
    help="Asked in this order, 1 first. [default: 100]",
)
@click.option("--note", "remark", metavar="TEXT", default="", help="For the operator.")
@click.option("--inactive", is_flag=True, help="Only write it down; `enable` puts it in force.")
@click.option(
    "--delay",
    "delay_ms",
    metavar="MS",
    type=click.IntRange(0, MAX_DELAY_MS),
    default=0,
    help="Frames that pass arrive so many milliseconds later.",
)
@click.option(
    "--jitter",
    metavar="PERCENT",
    type=click.IntRange(0, 100),
    default=0,
    help="By how much of the delay it varies, up and down.",
)
@click.option(
    "--loss",
    metavar="PERCENT",
    type=click.IntRange(0, 100),
    default=0,
    help="How many of the frames that pass are lost.",
)
@click.option("--redirect", metavar="URL", help="Who asks for a page by TCP is sent to this one.")
@_conditions
@format_option
@fleet_options()
@pass_invocation
def add(invocation: Invocation, /, hub: str, action: str, **options: Any) -> None:
    """Add a rule to the access list of HUB. ACTION is what becomes of frames: pass or discard.

    All conditions named must hold; a rule without any matches everything but ARP.

    \b
    No web, but for the staff:
      etherfleet access add OFFICE pass --priority 10 --source-user staff
      etherfleet access add OFFICE discard --priority 20 --protocol tcp --destination-ports 80

    \b
    The web is one page:
      etherfleet access add OFFICE pass --destination-ports 80 --redirect https://10.0.0.1/

    \b
    A bad line to a test machine:
      etherfleet access add LAB pass --destination 10.0.0.7 --delay 200 --jitter 20 --loss 2
    """
    from gateway.admin import access

    wanted = _rule(action == "discard", options)
    with invocation.fleet() as fleet:
        made = access.add(fleet, hub, wanted, now())
        unknown = access.unknown_names(fleet, hub, made)
    _print_rule(invocation, made, f"Rule {made.id} of {hub}: {made_in_words(made)}.")
    for name in unknown:
        note(f"{name} is neither a user nor a group of {hub} now")


@access.command("list")
@HUB
@format_option
@fleet_options()
@pass_invocation
def list_(invocation: Invocation, hub: str) -> None:
    """List the rules of HUB in the order they are asked."""
    from gateway.admin import access

    with invocation.fleet() as fleet:
        rules = access.rules(fleet, hub).rules
    if invocation.is_json:
        print_json([rule_as_json(rule) for rule in rules])
        return
    empty = f"No rules in hub {hub}: all frames pass. Add one: etherfleet access add {hub} discard"
    print_table(COLUMNS, map(_row, rules), empty)


@access.command()
@HUB
@NUMBER
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation, hub: str, number: int) -> None:
    """Show one rule of HUB."""
    from gateway.admin import access

    with invocation.fleet() as fleet:
        rule = access.rule(fleet, hub, number)
    if invocation.is_json:
        print_json(rule_as_json(rule))
    else:
        print_record(_as_text(rule))


@access.command()
@HUB
@NUMBER
@format_option
@fleet_options()
@pass_invocation
def enable(invocation: Invocation, hub: str, number: int) -> None:
    """Put rule NUMBER of HUB in force."""
    _set_active(invocation, hub, number, True)


@access.command()
@HUB
@NUMBER
@format_option
@fleet_options()
@pass_invocation
def disable(invocation: Invocation, hub: str, number: int) -> None:
    """Keep rule NUMBER of HUB, but do not ask it."""
    _set_active(invocation, hub, number, False)


@access.command()
@HUB
@NUMBERS
@yes_option
@format_option
@fleet_options()
@pass_invocation
def delete(invocation: Invocation, hub: str, numbers: tuple[int, ...], yes: bool) -> None:
    """Delete rules of HUB by their numbers: all that are named, or none."""
    from gateway.admin import access

    ask(f"Delete {plural(len(set(numbers)), 'rule')} of {hub}?", assume_yes=yes)
    with invocation.fleet() as fleet:
        access.delete(fleet, hub, numbers, now())
    _print_deleted(invocation, hub, numbers)


def _set_active(invocation: Invocation, hub: str, number: int, active: bool) -> None:
    from gateway.admin import access

    with invocation.fleet() as fleet:
        made = access.set_active(fleet, hub, number, active, now())
    state = "in force" if active else "not asked any more"
    _print_rule(invocation, made, f"Rule {made.id} of {hub} is {state}: {made_in_words(made)}.")


def _print_deleted(invocation: Invocation, hub: str, numbers: tuple[int, ...]) -> None:
    gone = sorted(set(numbers))
    if invocation.is_json:
        print_json({"deleted": gone, "hub": hub})
    else:
        click.echo(f"{plural(len(gone), 'rule')} of {hub} deleted.")


def _rule(discard: bool, options: dict[str, Any]) -> AccessRule:
    """Return the rule that was typed. Raises UsageProblem."""
    networks: list[Masked] = [n for n in (options["source"], options["destination"]) if n]
    families = {len(network.address) == IPV6 for network in networks}
    if len(families) > 1:
        raise UsageProblem("--source and --destination are of different kinds, IPv4 and IPv6")
    if options["ipv6"] and False in families:
        raise UsageProblem("--ipv6 does not go with an IPv4 network")
    if discard and (options["delay_ms"] or options["loss"]):
        raise UsageProblem("--delay and --loss are for frames that pass: use the action pass")
    if options["jitter"] and not options["delay_ms"]:
        raise UsageProblem("--jitter varies a delay: give --delay")
    if options["redirect"] is not None and not options["redirect"].strip():
        raise UsageProblem("--redirect has no URL")
    if discard and options["redirect"]:
        raise UsageProblem("--redirect needs connections to answer on: use the action pass")
    return AccessRule(
        options["priority"],
        discard,
        not options["inactive"],
        options["remark"],
        options["ipv6"] or True in families,
        options["source"],
        options["destination"],
        options["protocol"] or 0,
        options["source_ports"] or ANY_PORT,
        options["destination_ports"] or ANY_PORT,
        options["source_user"] or "",
        options["destination_user"] or "",
        options["source_mac"],
        options["destination_mac"],
        options["established"],
        options["delay_ms"],
        options["jitter"],
        options["loss"],
        options["redirect"] or "",
    )


def made_in_words(rule: AccessRule) -> str:
    """Return what a rule does, in one line."""
    what = "discards" if rule.discard else "passes"
    conditions = ", ".join(_conditions_of(rule)) or "everything but ARP"
    return ", ".join([f"{what} {conditions}", *_effects_of(rule)])


def _effects_of(rule: AccessRule) -> list[str]:
    found: list[str] = []
    if rule.delay_ms:
        varies = f" ± {rule.jitter_percent} %" if rule.jitter_percent else ""
        found.append(f"{rule.delay_ms} ms{varies} later")
    if rule.loss_percent:
        found.append(f"{rule.loss_percent} % lost")
    if rule.redirect_url:
        found.append(f"redirected to {rule.redirect_url}")
    return found


def _conditions_of(rule: AccessRule) -> list[str]:
    found: list[str] = []
    if rule.protocol:
        found.append(protocol_name(rule.protocol))
    elif rule.is_ipv6:
        found.append("IPv6")
    if rule.established is not None:
        found.append("established" if rule.established else "opening")
    for word, network, ports, user, mac in (
        ("from", rule.source, rule.source_ports, rule.source_user, rule.source_mac),
        (
            "to",
            rule.destination,
            rule.destination_ports,
            rule.destination_user,
            rule.destination_mac,
        ),
    ):
        if network is not None:
            found.append(f"{word} {network}")
        if ports != ANY_PORT:
            found.append(f"{word} ports {ports_to_text(ports)}")
        if user:
            found.append(f"{word} user {user}")
        if mac is not None:
            found.append(f"{word} MAC {mac}")
    return found


def _row(rule: AccessRule) -> tuple[object, ...]:
    return (
        rule.id,
        rule.priority,
        "discard" if rule.discard else "pass",
        yes(rule.active),
        ", ".join([*(_conditions_of(rule) or ["everything but ARP"]), *_effects_of(rule)]),
        rule.note,
    )


def _print_rule(invocation: Invocation, rule: AccessRule, sentence: str) -> None:
    if invocation.is_json:
        print_json(rule_as_json(rule))
    else:
        click.echo(sentence)


def rule_as_json(rule: AccessRule) -> dict[str, object]:
    """Return a rule for programs; null: no such condition."""
    return {
        "number": rule.id,
        "priority": rule.priority,
        "action": "discard" if rule.discard else "pass",
        "active": rule.active,
        "note": rule.note,
        "ipv6": rule.is_ipv6,
        "source": _or_none(rule.source),
        "destination": _or_none(rule.destination),
        "protocol": protocol_name(rule.protocol) if rule.protocol else None,
        "source_ports": _ports(rule.source_ports),
        "destination_ports": _ports(rule.destination_ports),
        "source_user": rule.source_user or None,
        "destination_user": rule.destination_user or None,
        "source_mac": _or_none(rule.source_mac),
        "destination_mac": _or_none(rule.destination_mac),
        "established": rule.established,
        "delay_ms": rule.delay_ms,
        "jitter_percent": rule.jitter_percent,
        "loss_percent": rule.loss_percent,
        "redirect_url": rule.redirect_url or None,
    }


def _or_none(value: T | None) -> str | None:
    return None if value is None else str(value)


def _ports(ports: tuple[int, int]) -> str | None:
    return None if ports == ANY_PORT else ports_to_text(ports)


def _as_text(rule: AccessRule) -> dict[str, object]:
    shown: dict[str, object] = {
        "rule": rule.id,
        "priority": rule.priority,
        "action": "discard" if rule.discard else "pass",
        "active": yes(rule.active),
        "matches": _conditions_of(rule) or "everything but ARP",
        "note": rule.note or NONE,
    }
    if effects := _effects_of(rule):
        shown["what passes"] = effects
    return shown
