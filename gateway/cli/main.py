"""`etherfleet`: the root of all commands, and where errors become one line and an exit code.

Only expected errors do. A surprise is our fault and keeps its traceback.
"""

import os

import click

from coordinator.errors import CoordinatorError
from gateway import __version__
from gateway.cli.access import access
from gateway.cli.admin import admin
from gateway.cli.audit import audit
from gateway.cli.bridge import bridge
from gateway.cli.cascade import cascade
from gateway.cli.common import fleet_options, format_option
from gateway.cli.completion import completion
from gateway.cli.config import config
from gateway.cli.connect import connect
from gateway.cli.doctor import doctor
from gateway.cli.exits import ExitCode, code_of, line_of
from gateway.cli.gateway import gateway
from gateway.cli.group import group
from gateway.cli.history import events, history
from gateway.cli.hub import hub
from gateway.cli.keys import redis
from gateway.cli.leader import leader
from gateway.cli.logs import log, syslog
from gateway.cli.node import node
from gateway.cli.session import session
from gateway.cli.source import source
from gateway.cli.status import status
from gateway.cli.top import top
from gateway.cli.user import user
from gateway.cli.wait import wait
from gateway.errors import EtherFleetError

EPILOG = """\
\b
A first network, on one machine:
  etherfleet hub create OFFICE
  etherfleet user add OFFICE alice
  etherfleet gateway
and from another one:
  etherfleet connect GATEWAY OFFICE --user alice

Exit codes: 0 done, 1 failed or declined, 2 usage or settings, 3 not found, 4 exists already,
5 store, 6 login or certificate refused, 7 gateway not reached, 8 not in time, 130 interrupted.
`status` has its own: 0 ok, 1 degraded, 2 down; so has `doctor`: 0 well, 1 warnings, 2 errors.
"""


class Root(click.Group):
    """The root group. Commands are listed in the order a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (EtherFleetError, CoordinatorError) as error:
            click.echo(line_of(error), err=True)
            return ctx.exit(code_of(error))
        except (KeyboardInterrupt, click.Abort):
            click.echo("\netherfleet: interrupted", err=True)
            return ctx.exit(ExitCode.INTERRUPTED)


@click.group(cls=Root, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@fleet_options(hidden=False)
@format_option
@click.version_option(__version__, prog_name="etherfleet", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Any number of machines, one VPN service for SoftEther clients.

    The options below may also be given behind any command that uses them.
    """
    if os.environ.get("NO_COLOR"):  # https://no-color.org; click knows it from us only
        ctx.color = False


COMMANDS: tuple[click.Command, ...] = (
    *(gateway, connect, hub, bridge, cascade, user, group, access, session),
    *(status, doctor, top, node, leader, history, events, audit, wait),
    *(admin, config, syslog, redis, completion),
)
hub.add_command(log)
for command in COMMANDS:
    cli.add_command(command)
hub.add_command(source)
