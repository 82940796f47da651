"""`etherfleet config`: the settings, where each came from, and whether they can work."""

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import Invocation, fleet_options, format_option, pass_invocation
from gateway.cli.output import Column, print_json, print_table
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.config import Settings

VARIABLES = {
    "fleet.name": "ETHERFLEET_FLEET",
    "fleet.key_file": "ETHERFLEET_FLEET_KEY_FILE",
    "store.url": "ETHERFLEET_STORE_URL",
    "gateway.listen": "ETHERFLEET_LISTEN",
    "gateway.node": "ETHERFLEET_NODE",
    "gateway.state_dir": "ETHERFLEET_STATE_DIR",
}
COLUMNS = (Column("SETTING"), Column("VALUE", wrap=True), Column("FROM", wrap=True))


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective setting; `origin` names the file, variable or option, None for a default."""

    name: str
    value: object
    source: str
    """`default`, `file`, `environment` or `option`."""
    origin: str | None = None


@click.group()
def config() -> None:
    """The settings of this machine."""


@config.command()
@format_option
@fleet_options()
@pass_invocation
def show(invocation: Invocation) -> None:
    """Show the effective settings and where each comes from. Secrets are left out."""
    settings = invocation.settings()
    file = _file_of(invocation)
    found = list(_effective(invocation, settings, file))
    if invocation.is_json:
        print_json(
            {
                "file": file,
                "settings": {
                    s.name: {"value": s.value, "source": s.source, "origin": s.origin}
                    for s in found
                },
            }
        )
        return
    click.echo(f"Settings file: {file or 'none'}\n")
    print_table(COLUMNS, [(s.name, _shown(s.value), s.origin or s.source) for s in found], "")


@config.command()
@click.argument("file", type=click.Path())
@format_option
@pass_invocation
def validate(invocation: Invocation, file: str) -> None:
    """Check a settings file, and the files it names, without touching anything.

    Variables of the environment count as they would for a gateway started here.
    """
    invocation.config = file
    settings = invocation.settings()
    _check_files(settings)
    if invocation.is_json:
        print_json({"file": file, "valid": True})
    else:
        click.echo(f"{file}: these settings can work")


def _file_of(invocation: Invocation) -> str | None:
    from gateway.config import SYSTEM_FILE

    chosen = invocation.config or os.environ.get("ETHERFLEET_CONFIG")
    return chosen or (str(SYSTEM_FILE) if SYSTEM_FILE.exists() else None)


def _effective(invocation: Invocation, settings: "Settings", file: str | None) -> Iterator[Setting]:
    in_file = _read(file) if file else {}
    for section in settings.__struct_fields__:
        for key in getattr(settings, section).__struct_fields__:
            name = f"{section}.{key}"
            value = _value(settings, name, getattr(getattr(settings, section), key))
            variable = VARIABLES.get(name, "")
            if invocation.variables.get(variable):
                option = "--" + key.replace("_", "-") if section == "gateway" else "--store-url"
                yield Setting(name, value, "option", option)
            elif os.environ.get(variable):
                yield Setting(name, value, "environment", variable)
            elif key in in_file.get(section, {}):
                yield Setting(name, value, "file", file)
            else:
                yield Setting(name, value, "default")


def _read(file: str) -> Mapping[str, Any]:
    """Return a settings file as it is written; it was read once already, so it is there."""
    import tomllib

    with open(file, "rb") as opened:
        return tomllib.load(opened)


def _value(settings: "Settings", name: str, value: object) -> object:
    """Return a value as it takes effect and as it may be shown."""
    if name == "gateway.node":
        return settings.node
    if name == "gateway.state_dir":
        return str(settings.state_dir)
    if name == "store.url" and value:
        from coordinator.redis_store import shown

        return shown(str(value))
    return value


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value) or "-"


def _check_files(settings: "Settings") -> None:
    """Raises ConfigError or InvalidValue for a key or certificate that no gateway could use."""
    fleet = settings.fleet
    if fleet.key_file:
        from coordinator.seal import read_fleet_key

        read_fleet_key(_text_of(fleet.key_file))
    if fleet.certificate_file:
        for file in (fleet.certificate_file, fleet.private_key_file):
            _text_of(file)
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(fleet.certificate_file, fleet.private_key_file)
        except ssl.SSLError as error:
            raise ConfigError(
                f"{fleet.certificate_file} and {fleet.private_key_file} are not a certificate "
                f"and its private key in PEM: {error.reason or error}"
            ) from error


def _text_of(file: str) -> str:
    from pathlib import Path

    try:
        return Path(file).expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from error
