"""`etherfleet redis`: what is in the store, for whoever looks with redis-cli."""

import click

from gateway.cli.common import Invocation, fleet_options, format_option, pass_invocation
from gateway.cli.output import Column, print_json, print_table


@click.group()
def redis() -> None:
    """What the store holds, for whoever looks with redis-cli."""


@redis.command()
@click.option("--count", is_flag=True, help="Also count how many there are of each now.")
@format_option
@fleet_options()
@pass_invocation
def keys(invocation: Invocation, count: bool) -> None:
    """List every kind of key: its type, what it holds and how long it lives.

    In a pattern, <...> stands for a name. docs/keys.md has the fields of each.
    """
    from coordinator.keys import KEYS, Keys

    names = Keys(invocation.settings().fleet.name)
    counts = _count(invocation) if count else {}
    if invocation.is_json:
        print_json(
            [
                {
                    "pattern": names.prefix + key.pattern,
                    "type": key.type,
                    "holds": key.holds,
                    "fields": list(key.fields),
                    "writer": key.writer,
                    "lifetime": key.lifetime,
                    **({"count": counts.get(key.pattern, 0)} if count else {}),
                }
                for key in KEYS
            ]
        )
        return
    columns = [
        Column("KEY"),
        Column("TYPE"),
        *([Column("NOW", right=True)] if count else []),
        Column("HOLDS", wrap=True),
        Column("LIVES", wrap=True),
    ]
    rows = [
        (
            key.pattern,
            key.type,
            *([counts.get(key.pattern, 0)] if count else []),
            key.holds,
            key.lifetime,
        )
        for key in KEYS
    ]
    click.echo(f"All keys begin with {names.prefix}\n")
    print_table(columns, rows, empty="")
    if unknown := counts.get("", 0):
        click.echo(f"\n{unknown} more keys begin like ours and are of no kind that we know.")


def _count(invocation: Invocation) -> dict[str, int]:
    """Return how many keys there are of each pattern; under "" those of none."""
    from collections import Counter

    with invocation.fleet() as fleet:
        kinds = [fleet.store.keys.describe(key) for key, _ in fleet.store.scan()]
    return Counter(kind.pattern if kind else "" for kind in kinds)
