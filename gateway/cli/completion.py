"""`etherfleet completion`: what teaches a shell our words."""

import click

from gateway.cli.exits import UsageProblem

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash  etherfleet completion bash > ~/.local/share/bash-completion/completions/etherfleet
    zsh   etherfleet completion zsh > "${fpath[1]}/_etherfleet"
    fish  etherfleet completion fish > ~/.config/fish/completions/etherfleet.fish

    Names of hubs, users, sessions and nodes are completed while the store answers.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise UsageProblem(f"this version of click completes nothing in {shell}")
    click.echo(kind(ctx.find_root().command, {}, "etherfleet", "_ETHERFLEET_COMPLETE").source())
