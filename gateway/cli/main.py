"""`etherfleet`: the root of all commands, and where errors become one line and an exit code.

Only expected errors do. A surprise is our fault and keeps its traceback.

A command is imported when it is asked for: a gateway that starts, and clients that wait for it,
have no use for all the others.
"""

import os
from importlib import import_module

import click

from coordinator.errors import CoordinatorError
from gateway import __version__
from gateway.cli.common import fleet_options, format_option
from gateway.cli.exits import ExitCode, code_of, line_of
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


COMMANDS = (
    *("gateway", "connect", "hub", "bridge", "cascade", "user", "group", "ca", "access", "session"),
    *("status", "doctor", "top", "node", "leader", "history", "events", "audit", "wait"),
    *("admin", "config", "syslog", "redis", "completion"),
)
"""In the order a newcomer needs them."""
_MODULES = {"events": "history", "syslog": "logs", "redis": "keys"}  # the others': as the command


def load(name: str) -> click.Command:
    """Import a command."""
    module = import_module(f"gateway.cli.{_MODULES.get(name, name)}")
    command: click.Command = getattr(module, name)
    return command


class Root(click.Group):
    """The root group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return load(cmd_name)
        self.commands.update({name: load(name) for name in COMMANDS})  # click names what is alike
        return super().get_command(ctx, cmd_name)

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
