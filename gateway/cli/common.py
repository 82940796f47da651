"""What commands share: options as values, the way to the fleet, and honest questions.

--config, --state-dir, --store-url    which fleet; before the command or behind it
--format table|json                   for people or for programs
--yes                                 do not ask
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from coordinator.times import Timestamp, utc_now
from gateway.cli.exits import Declined, UsageProblem

if TYPE_CHECKING:
    from coordinator.audit import Actor
    from coordinator.fleet import Fleet
    from gateway.config import Settings

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Invocation:
    """What one run of the command was told about where to look and how to print."""

    config: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    """Options that settings also take from the environment; they win over it."""
    format: str = "table"

    @property
    def is_json(self) -> bool:
        """Say whether a program reads what we print."""
        return self.format == "json"

    def settings(self) -> "Settings":
        """Read the settings. Raises ConfigError."""
        from gateway.config import load

        return load(self.config, {**os.environ, **self.variables})

    @contextmanager
    def fleet(self, *, create: bool = False) -> "Iterator[Fleet]":
        """Enter the fleet. Without `create` a store that holds none is an error.

        The embedded store is ours alone: there a mistyped name can hide nothing, so the fleet is
        made if need be, and a first look at a fresh machine teaches instead of failing.
        """
        from gateway.fleet import open_fleet

        settings = self.settings()
        with open_fleet(settings, create=create or not settings.store.url) as fleet:
            for warning in fleet.warnings:
                note(warning)
            yield fleet.acting(operator())

    @contextmanager
    def running_fleet(self) -> "Iterator[Fleet]":
        """Enter the fleet as it runs: an embedded store that does not run is not started to be
        looked at, because looking may take long and somebody else may want to start it.

        The faults of the store are the caller's to tell. Raises StoreUnavailable if it is away.
        """
        from msgspec.structs import replace

        from coordinator.errors import StoreUnavailable
        from gateway.embedded import EmbeddedStore
        from gateway.fleet import open_fleet

        settings = self.settings()
        if not settings.store.url:
            embedded = EmbeddedStore(settings.state_dir)
            key_file = settings.fleet.key_file or str(settings.state_dir / "fleet.key")
            if not embedded.socket_path.exists() or not Path(key_file).exists():
                raise StoreUnavailable(
                    f"no gateway, and so no embedded store, runs in {settings.state_dir}"
                )
            settings = replace(
                settings,
                store=replace(settings.store, url=embedded.url),
                fleet=replace(settings.fleet, key_file=key_file),
            )
        with open_fleet(settings, create=False) as fleet:
            yield fleet


def operator() -> "Actor":
    """Return who runs this command, as the machine knows him: for the audit."""
    import pwd
    import socket

    from coordinator.audit import Actor

    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER") if name == "root" else None
    return Actor("command-line", behind or name, socket.gethostname())


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def now() -> Timestamp:
    """Return the wall clock's time: commands are the rim."""
    return utc_now()


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Keep an option for whoever needs it; the one nearest to the verb wins."""
    if value is None:
        return
    invocation = ctx.find_root().ensure_object(Invocation)
    variable = _VARIABLES.get(param.name or "")
    if variable:
        invocation.variables[variable] = value
    elif param.name == "config":
        invocation.config = value
    else:
        invocation.format = value


_FLEET_OPTIONS = (
    (
        "--config",
        "FILE",
        "Settings file. [env: ETHERFLEET_CONFIG; else /etc/etherfleet/etherfleet.toml]",
    ),
    (
        "--state-dir",
        "DIR",
        "Where the embedded store lives. [env: ETHERFLEET_STATE_DIR]",
    ),
    (
        "--store-url",
        "URL",
        "A Redis or Valkey that runs already. Its password belongs into the settings file or the "
        "environment, where others do not see it. [env: ETHERFLEET_STORE_URL]",
    ),
)
_VARIABLES = {"state_dir": "ETHERFLEET_STATE_DIR", "store_url": "ETHERFLEET_STORE_URL"}


def fleet_options(*, hidden: bool = True) -> Callable[[F], F]:
    """Add the options that say which fleet. Commands take them unseen: the root's help has them."""

    def option(name: str, metavar: str, help: str) -> Callable[[F], F]:
        return click.option(
            name,
            metavar=metavar,
            callback=_remember,
            expose_value=False,
            hidden=hidden,
            type=click.Path() if metavar != "URL" else None,
            help=help,
        )

    def decorate(command: F) -> F:
        for name, metavar, help in reversed(_FLEET_OPTIONS):
            command = option(name, metavar, help)(command)
        return command

    return decorate


def options_of(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Add several options, shown in this order: what two commands share."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _remember_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().ensure_object(Invocation).format = "json"


def format_option(command: F) -> F:
    """Add --format, and --json which is short for one of its values."""
    command = click.option(
        "--json", is_flag=True, callback=_remember_json, expose_value=False, hidden=True
    )(command)
    return click.option(
        "--format",
        type=click.Choice(["table", "json"]),
        callback=_remember,
        expose_value=False,
        help="For people or for programs; --json is short for the latter. [default: table]",
    )(command)


def timeout_option(default_s: float) -> Callable[[F], F]:
    """Add --timeout: how long a command waits."""
    return click.option(
        "--timeout",
        "timeout_s",
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        default=default_s,
        help=f"How long to wait. [default: {default_s:g}]",
    )


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def ask(question: str, *, assume_yes: bool) -> None:
    """Go on only if the operator says yes to a question that names the consequence."""
    if assume_yes:
        return
    _insist_on_a_terminal()
    if not click.confirm(question, default=False, err=True):
        raise Declined("nothing was changed")


def ask_for_name(consequence: str, name: str, *, assume_yes: bool) -> None:
    """Go on only if the operator types the name of what will be destroyed."""
    if assume_yes:
        return
    _insist_on_a_terminal()
    click.echo(consequence, err=True)
    typed = click.prompt("Type its name to go on", default="", show_default=False, err=True)
    if typed != name:
        raise Declined(f"that is not {name}: nothing was changed")


def _insist_on_a_terminal() -> None:
    if not sys.stdin.isatty():
        raise UsageProblem("this asks first, and nobody is at a terminal to answer; add --yes")


def hint(text: str) -> None:
    """Tell a person, and only a person, what could come next."""
    if sys.stderr.isatty():
        click.secho(text, err=True, dim=True)


def note(text: str) -> None:
    """Say on stderr what the operator should know; the command goes on."""
    click.echo(f"etherfleet: note: {text}", err=True)


def plural(count: int, noun: str) -> str:
    """Return `1 session`, `2 sessions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
