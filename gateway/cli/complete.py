"""Completion of names from the store: quick or not at all.

Nothing is started for it and no key is needed: the sets of names are read as they are, in their
folded form, which every command accepts.
"""

from collections.abc import Callable

import click

from coordinator.errors import CoordinatorError
from coordinator.keys import Keys
from gateway.cli.common import Invocation
from gateway.errors import EtherFleetError

PATIENCE = 0.5  # seconds for connecting and for each reply


def hubs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a hub."""
    return _names(ctx, incomplete, lambda keys: keys.hubs())


def users(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a user of the hub typed before it."""
    return _names(ctx, incomplete, lambda keys: keys.users(ctx.params.get("hub") or ""))


def groups(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a group of the hub typed before it."""
    return _names(ctx, incomplete, lambda keys: keys.groups(ctx.params.get("hub") or ""))


def cascades(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a cascade of the hub typed before it."""
    return _names(ctx, incomplete, lambda keys: keys.cascades(ctx.params.get("hub") or ""))


def sessions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a session of the hub typed before it."""
    return _names(ctx, incomplete.upper(), lambda keys: keys.sessions(ctx.params.get("hub") or ""))


def administrators(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of an administrator or a token."""
    return _names(ctx, incomplete, lambda keys: keys.administrators())


def nodes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a node."""
    return _names(ctx, incomplete, lambda keys: keys.nodes())


def _names(ctx: click.Context, incomplete: str, key_of: Callable[[Keys], str]) -> list[str]:
    """Return the members of a set of names that begin as typed; none if the store is away."""
    try:
        from coordinator.redis_store import connect

        settings = ctx.find_root().ensure_object(Invocation).settings()
        url = settings.store.url or f"unix://{settings.state_dir / 'valkey.sock'}"
        store = connect(url, settings.fleet.name, timeout=PATIENCE)
        try:
            names = store.members(key_of(store.keys))
        finally:
            store.close()
    except (CoordinatorError, EtherFleetError):
        return []  # whoever presses TAB wants a name or nothing
    start = incomplete.lower()
    return [name for name in names if name.lower().startswith(start)]
