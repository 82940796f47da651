"""Extended options of a hub on the command line."""

import click
from click.shell_completion import CompletionItem

from coordinator.errors import InvalidValue
from coordinator.model import Hub
from gateway.admin.options import OPTIONS, read_option_setting, without_effect

OPTION_HELP = "\b\nExtended options, for every port of the hub:\n" + "\n".join(
    f"  {name}\n      {meaning}" for name, meaning in OPTIONS.items()
)


class OptionSetting(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """`NAME=VALUE`, checked against the options there are."""

    name = "NAME=VALUE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        try:
            return read_option_setting(str(value))
        except InvalidValue as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        start = incomplete.lower()
        return [CompletionItem(f"{n}=") for n in OPTIONS if n.lower().startswith(start)]


def options_as_text(hub: Hub) -> list[str]:
    """Return a hub's options for people, a line for each."""
    idle = without_effect(hub.options)
    return [
        f"{name} = {number}{'  (without effect)' if name in idle else ''}"
        for name, number in sorted(hub.options.items())
    ]
