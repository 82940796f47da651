"""A cascade as people and programs see it: how it is set up, and how it is doing."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from coordinator.cascade import Cascade, CascadeState, CascadeTrust
from gateway.cli.output import Column
from gateway.cli.totals import received_bytes, sent_bytes, traffic_as_text
from gateway.cli.units import NONE, age, size, yes

if TYPE_CHECKING:
    from gateway.admin.cascades import CascadeReport

COLUMNS = (
    Column("HUB"),
    Column("CASCADE"),
    Column("TO", loose=True),
    Column("STATE"),
    Column("FOR", right=True),
    Column("RECEIVED", right=True),
    Column("SENT", right=True),
    Column("NODE", loose=True),
    Column("WHY", wrap=True),
)


def where(cascade: Cascade) -> str:
    """Return where a cascade leads, in words."""
    host = f"[{cascade.host}]" if ":" in cascade.host else cascade.host
    return f"{cascade.target_hub} at {host}:{cascade.tcp_port}"


def row(report: "CascadeReport") -> tuple[object, ...]:
    """Return a cascade as a row under `COLUMNS`."""
    cascade, status = report.cascade, report.status
    return (
        cascade.hub,
        cascade.name,
        where(cascade),
        report.state.value,
        age(status.connected) if status is not None and status.connected else NONE,
        size(received_bytes(status.traffic)) if status is not None else NONE,
        size(sent_bytes(status.traffic)) if status is not None else NONE,
        report.node or NONE,
        report.why,
    )


def as_json(cascade: Cascade) -> dict[str, object]:
    """Return a cascade as configured, without its secret."""
    return {
        "hub": cascade.hub,
        "name": cascade.name,
        "host": cascade.host,
        "tcp_port": cascade.tcp_port,
        "target_hub": cascade.target_hub,
        "user": cascade.user,
        "online": cascade.online,
        "auth": cascade.auth.value,
        "certificate": cascade.certificate or None,
        "trust": cascade.trust.value,
        "pin": cascade.pin or None,
        "server_certificate": cascade.server_certificate or None,
        "authorities": cascade.authorities or None,
        "max_connection": cascade.max_connection,
        "use_compress": cascade.use_compress,
        "half_connection": cascade.half_connection,
        "policy": dict(cascade.policy),
        "created": cascade.created,
        "changed": cascade.changed,
    }


def report_as_json(report: "CascadeReport") -> dict[str, object]:
    """Return a cascade with how it is doing; `status` is null while no node told of it."""
    status = report.status
    told: dict[str, object] | None = None
    if status is not None:
        told = {
            "error": status.error,
            "attempts": status.attempts,
            "logins": status.logins,
            "server": status.server or None,
            "session": status.session or None,
            "connection": status.connection or None,
            "connections": status.connections,
            "cipher": status.cipher or None,
            "use_compress": status.use_compress,
            "half_connection": status.half_connection,
            "max_connection": status.max_connection,
            "far_policy": dict(status.far_policy),
            "epoch": status.epoch,
            "started": status.started,
            "first_connected": status.first_connected or None,
            "connected": status.connected or None,
            "next_try": status.next_try or None,
            "updated": status.updated,
            "traffic": asdict(status.traffic),
        }
    return {
        **as_json(report.cascade),
        "state": report.state.value,
        "why": report.why or None,
        "node": report.node or None,
        "status": told,
    }


def report_as_text(report: "CascadeReport") -> dict[str, object]:
    """Return everything of a cascade for people."""
    cascade, status = report.cascade, report.status
    text: dict[str, object] = {
        "cascade": cascade.name,
        "hub": cascade.hub,
        "to": where(cascade),
        "user": f"{cascade.user} ({cascade.auth.value})",
        "certificate": _trust_as_text(cascade),
        "connections": f"{cascade.max_connection} wanted",
        "policies": [f"{k} = {v}" for k, v in sorted(cascade.policy.items())] or "defaults",
        "state": f"{report.state}: {report.why}" if report.why else report.state.value,
        "node": report.node or NONE,
    }
    if status is not None:
        text |= {
            "error": status.error or NONE,
            "attempts": f"{status.attempts}, of which {status.logins} led to a session",
            "next try": status.next_try or NONE,
        }
    if status is not None and report.state is CascadeState.CONNECTED:
        modes = "compressed" if status.use_compress else "plain"
        text |= {
            "server": status.server,
            "session": f"{status.session} for {age(status.connected)}",
            "connections": f"{status.connections} of {status.max_connection}, {modes}",
            "cipher": status.cipher or NONE,
            "may bridge": yes(_may_bridge(status.far_policy)),
        }
    return text | (traffic_as_text(status.traffic) if status is not None else {})


def _may_bridge(policy: Mapping[str, int]) -> bool:
    return not (policy.get("NoBridge") and policy.get("NoRouting"))


def _trust_as_text(cascade: Cascade) -> str:
    match cascade.trust:
        case CascadeTrust.PIN:
            return f"the one with SHA-256 {cascade.pin}"
        case CascadeTrust.AUTHORITIES:
            whose = "the given authorities" if cascade.authorities else "the system's authorities"
            return f"of {cascade.host}, signed by {whose}"
    return "any"
