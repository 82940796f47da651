"""What hubs, users and sessions have carried: for people and for programs."""

from dataclasses import asdict

from coordinator.model import Totals, Traffic
from gateway.cli.units import age, size


def received_bytes(traffic: Traffic) -> int:
    """Return all bytes of frames that came from clients."""
    return traffic.received_unicast_bytes + traffic.received_broadcast_bytes


def sent_bytes(traffic: Traffic) -> int:
    """Return all bytes of frames that went to clients."""
    return traffic.sent_unicast_bytes + traffic.sent_broadcast_bytes


def totals_as_json(totals: Totals) -> dict[str, object]:
    """Return the fields about logins and traffic."""
    return {
        "logins": totals.logins,
        "last_login": totals.last_login,
        "traffic": asdict(totals.traffic),
    }


def logins_as_text(totals: Totals) -> str:
    """Return how often and when last."""
    if not totals.last_login:
        return "none yet"
    return f"{totals.logins}, the last {age(totals.last_login)} ago ({totals.last_login})"


def traffic_as_text(t: Traffic) -> dict[str, str]:
    """Return the lines about traffic."""
    return {
        "received": f"{size(t.received_unicast_bytes)} in {t.received_unicast_frames} frames, "
        f"broadcast {size(t.received_broadcast_bytes)} in {t.received_broadcast_frames}",
        "sent": f"{size(t.sent_unicast_bytes)} in {t.sent_unicast_frames} frames, "
        f"broadcast {size(t.sent_broadcast_bytes)} in {t.sent_broadcast_frames}",
    }
