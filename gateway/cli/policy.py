"""Policies on the command line: `--policy NAME=VALUE`, and how they are told."""

from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem

from coordinator.errors import InvalidValue
from gateway.admin.policies import POLICIES, Enforced, not_enforced, read_policy_setting
from gateway.cli.common import note


def _policies_by(enforced: Enforced) -> str:
    return ", ".join(kind.name for kind in POLICIES.values() if kind.enforced is enforced)


POLICY_HELP = f"""\
Policies enforced by the gateway, also on sessions that stand: {_policies_by(Enforced.GATEWAY)}.

Policies told to the client, which obeys: {_policies_by(Enforced.CLIENT)}.

All others are stored and told to the client, but NOT ENFORCED YET:
{_policies_by(Enforced.NOBODY)}.

A user with any policy of his own is under that alone, not under his group's.
"""


class PolicySetting(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """`NAME=VALUE`, checked against the policies there are."""

    name = "NAME=VALUE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        try:
            return read_policy_setting(str(value))
        except InvalidValue as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        start = incomplete.lower()
        names = [f"{name}=" for name in POLICIES if name.lower().startswith(start)]
        return [CompletionItem(name) for name in names]


policy_option = click.option(
    "--policy",
    "policies",
    metavar="NAME=VALUE",
    type=PolicySetting(),
    multiple=True,
    help="A policy by its SoftEther name; `NAME=default` takes it back. May be repeated.",
)


def note_idle(policy: Mapping[str, int | None]) -> None:
    """Say which of the policies just named nobody acts on."""
    if idle := not_enforced([name for name, number in policy.items() if number]):
        note(f"stored and told to the client, but not enforced yet: {', '.join(idle)}")


def policies_as_text(policy: Mapping[str, int]) -> list[str] | str:
    """Return a policy for people, a line for each name."""
    idle = not_enforced(policy)
    return [
        f"{name} = {number}{'  (not enforced yet)' if name in idle else ''}"
        for name, number in sorted(policy.items())
    ] or "defaults"
