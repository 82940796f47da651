"""`etherfleet gateway`: run one node of the fleet."""

import os

import click

from gateway.cli.common import Invocation, fleet_options, pass_invocation

LEVELS = ("debug", "info", "warning", "error")  # gateway.logs.LEVELS, whose import takes its time


@click.group(invoke_without_command=True)
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
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    metavar="N",
    help="Processes, each a node of its own. 0: no supervisor, this process serves. "
    "[default: one per core]",
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", help="[default: info]")
@pass_invocation
@click.pass_context
def gateway(
    context: click.Context,
    invocation: Invocation,
    listen: tuple[str, ...],
    node: str | None,
    workers: int | None,
    log_level: str,
) -> None:
    """Run a gateway until SIGTERM or Ctrl-C.

    Without settings it keeps its state in an embedded store and listens on port 5555. Sessions
    survive a restart: clients come back to them within a minute and nobody logs in again.
    """
    if context.invoked_subcommand is not None:
        return
    if listen:
        invocation.variables["ETHERFLEET_LISTEN"] = ",".join(listen)
    if node:
        invocation.variables["ETHERFLEET_NODE"] = node
    settings = invocation.settings()

    if workers == 0:
        from gateway import logs
        from gateway.node import service

        logs.configure(log_level, node=settings.node)
        service.serve(settings)
        return

    from gateway.supervisor.process import waiting

    with waiting(workers or os.cpu_count() or 1) as processes:
        from gateway import logs
        from gateway.supervisor import machine

        logs.configure(log_level)
        machine.supervise(settings, processes, log_level=log_level)


@gateway.command()
@pass_invocation
def restart(invocation: Invocation) -> None:
    """Replace the workers of the gateway that runs here, one after another.

    Each closes its sessions in order, its successor takes them back, and clients are there again
    at their next knock. Nobody logs in again. The same as SIGHUP to the gateway.
    """
    from gateway.supervisor import machine

    pid = machine.restart(invocation.settings())
    click.echo(f"gateway (process {pid}) restarts its workers one after another; see its log")
