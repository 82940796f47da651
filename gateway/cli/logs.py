"""`etherfleet hub log` and `syslog`: what hubs write down, and where it goes besides files."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from coordinator.hub_log import PACKET_KINDS, Keep, LogSwitch, SyslogFormat, SyslogSave
from gateway.cli import complete
from gateway.cli.common import (
    Invocation,
    fleet_options,
    format_option,
    hint,
    now,
    pass_invocation,
)
from gateway.cli.exits import UsageProblem
from gateway.cli.output import print_json, print_record

if TYPE_CHECKING:
    from coordinator.hub_log import HubLog, Syslog

OFF = "off"
WHEN = click.Choice([OFF, *(switch.value for switch in LogSwitch)])


def _read_saves(saves: tuple[str, ...]) -> dict[str, Keep]:
    """Return what each `KIND=none|header|full` asks for."""
    found: dict[str, Keep] = {}
    for text in saves:
        kind, _, keep = text.partition("=")
        if kind not in (*PACKET_KINDS, "all") or keep not in list(Keep):
            kinds = ", ".join(PACKET_KINDS)
            raise UsageProblem(
                f"--save {text}: write KIND=none, header or full, with KIND of: all, {kinds}"
            )
        found |= {one: Keep(keep) for one in (PACKET_KINDS if kind == "all" else (kind,))}
    return found


@click.command()
@click.argument("hub", metavar="HUB", shell_complete=complete.hubs)
@click.option("--security", type=WHEN, help="Log of logins and ends; when a new file begins.")
@click.option("--packet", type=WHEN, help="Log of frames; when a new file begins.")
@click.option(
    "--save",
    "saves",
    multiple=True,
    metavar="KIND=WHAT",
    help="Of frames of a kind: none, header or full. May be repeated; KIND may be all.",
)
@format_option
@fleet_options()
@pass_invocation
def log(
    invocation: Invocation,
    hub: str,
    security: str | None,
    packet: str | None,
    saves: tuple[str, ...],
) -> None:
    """Show what HUB writes into its log files, or change it.

    A frame is of the first of these kinds that fits: tcp_connection, tcp, dhcp, udp, icmp, ip, arp,
    ethernet. A packet log costs time for every frame of the hub; without one nothing does.
    """
    from gateway.admin import hubs

    wanted = _read_saves(saves)
    with invocation.fleet() as fleet:
        found = hubs.find(fleet, hub)
        settings = _changed(found.log, security, packet, wanted)
        if settings != found.log:
            found = hubs.change(fleet, hub, now(), log=settings)
    if invocation.is_json:
        print_json({"hub": found.name, **log_as_json(found.log)})
        return
    print_record(_log_as_text(found.log))
    if settings.packet and not any(keep is not Keep.NONE for keep in settings.packets.values()):
        hint("No kind of frame is saved: --save all=header")


def _changed(
    log: "HubLog", security: str | None, packet: str | None, saves: dict[str, Keep]
) -> "HubLog":
    changes: dict[str, Any] = {}
    for name, word in (("security", security), ("packet", packet)):
        if word is not None:
            changes[name] = word != OFF
        if word not in (None, OFF):
            changes[f"{name}_switch"] = LogSwitch(word)
    return replace(log, **changes).with_packets(saves)


def log_as_json(log: "HubLog") -> dict[str, object]:
    """Return what a program is told of a hub's logs."""
    return {
        "security": log.security,
        "security_switch": log.security_switch.value,
        "packet": log.packet,
        "packet_switch": log.packet_switch.value,
        "packets": {kind: log.packets[kind].value for kind in PACKET_KINDS},
    }


def _log_as_text(log: "HubLog") -> dict[str, object]:
    saved = [f"{kind} {log.packets[kind]}" for kind in PACKET_KINDS if log.packets[kind] != "none"]
    return {
        "security log": _when(log.security, log.security_switch),
        "packet log": _when(log.packet, log.packet_switch),
        "of frames": ", ".join(saved) or "nothing",
    }


def _when(is_on: bool, switch: LogSwitch) -> str:
    if not is_on:
        return OFF
    return "one file" if switch is LogSwitch.NONE else f"a new file each {switch}"


@click.group()
def syslog() -> None:
    """Where the logs of all nodes and hubs go besides files."""


@syslog.command()
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation) -> None:
    """Show where logs go."""
    from gateway.admin import syslog as admin

    with invocation.fleet() as fleet:
        settings = admin.show(fleet)
    _print(invocation, settings)


@syslog.command("set")
@click.option(
    "--save",
    type=click.Choice([save.value for save in SyslogSave]),
    help="server: what nodes log; security and packet: each and all before it.",
)
@click.option("--host", metavar="HOST", help="Name or address of the server.")
@click.option("--udp-port", metavar="PORT", type=click.IntRange(1, 65535), help="[default: 514]")
@click.option(
    "--message-format",
    type=click.Choice([format.value for format in SyslogFormat]),
    help="[default: rfc5424]",
)
@format_option
@fleet_options()
@pass_invocation
def set_(
    invocation: Invocation,
    save: str | None,
    host: str | None,
    udp_port: int | None,
    message_format: str | None,
) -> None:
    """Send logs to a syslog server over UDP; what is not named stays.

    Nodes follow within a few seconds.
    """
    from gateway.admin import syslog as admin

    changes: dict[str, Any] = {}
    if save is not None:
        changes["save"] = SyslogSave(save)
    if host is not None:
        changes["host"] = host
    if udp_port is not None:
        changes["udp_port"] = udp_port
    if message_format is not None:
        changes["format"] = SyslogFormat(message_format)
    if not changes:
        raise UsageProblem("nothing to change was named; see: etherfleet syslog set --help")
    with invocation.fleet() as fleet:
        settings = admin.change(fleet, replace(admin.show(fleet), **changes))
    _print(invocation, settings)


def syslog_as_json(settings: "Syslog") -> dict[str, object]:
    """Return what a program is told of syslog."""
    return {
        "save": settings.save.value,
        "host": settings.host or None,
        "udp_port": settings.udp_port,
        "message_format": settings.format.value,
    }


def _print(invocation: Invocation, settings: "Syslog") -> None:
    if invocation.is_json:
        print_json(syslog_as_json(settings))
        return
    print_record(
        {
            "sent": settings.save.value,
            "to": f"{settings.host} UDP port {settings.udp_port}" if settings.host else "nowhere",
            "as": settings.format.value,
        }
    )
