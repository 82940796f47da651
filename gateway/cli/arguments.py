"""Arguments that many commands take."""

import click

from gateway.cli import complete

HUB = click.argument("hub", metavar="HUB", shell_complete=complete.hubs)
