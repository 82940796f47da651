"""`etherfleet gateway`: run one node of the fleet."""

import click

from gateway.cli.common import Invocation, fleet_options, pass_invocation

LEVELS = ("debug", "info", "warning", "error")  # gateway.logs.LEVELS, whose import takes its time


@click.command()
@fleet_options(hidden=False)
@click.option(
    "--listen",
    metavar="ADDRESS:PORT",
    multiple=True,
    help="Where clients connect; may be repeated. "
    "[env: ETHERFLEET_LISTEN; default: 0.0.0.0:5555 and [::]:5555]",
)
@click.option(
    "--node", metavar="ID", help="This node's id in the fleet. [env: ETHERFLEET_NODE; host's name]"
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", help="[default: info]")
@pass_invocation
def gateway(
    invocation: Invocation, listen: tuple[str, ...], node: str | None, log_level: str
) -> None:
    """Run a gateway until SIGTERM or Ctrl-C.

    Without settings it keeps its state in an embedded store and listens on port 5555. Sessions
    survive a restart: clients come back to them within a minute and nobody logs in again.
    """
    if listen:
        invocation.variables["ETHERFLEET_LISTEN"] = ",".join(listen)
    if node:
        invocation.variables["ETHERFLEET_NODE"] = node
    settings = invocation.settings()

    from gateway import logs
    from gateway.node import app

    logs.configure(log_level)
    app.run(settings)
