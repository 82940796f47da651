"""Syslog, as an operator sets it: for all nodes at once."""

from coordinator.fleet import Fleet
from coordinator.hub_log import Syslog
from gateway.admin import audit


def show(fleet: Fleet) -> Syslog:
    """Return where logs go."""
    return fleet.syslog.get()


def change(fleet: Fleet, settings: Syslog) -> Syslog:
    """Send logs there from now on; return the setting. Raises InvalidValue."""
    was = fleet.syslog.set(settings)
    audit.record(fleet, "syslog set", before=was, after=settings)
    return settings
