"""`etherfleet admin`: who may administer the fleet with vpncmd and JSON-RPC."""

import click

from gateway.cli.common import Invocation, fleet_options, format_option, now, pass_invocation
from gateway.cli.output import print_json
from gateway.cli.password import SHORT, password_file_option, read_password


@click.group()
def admin() -> None:
    """Who may administer the fleet with vpncmd and JSON-RPC.

    Before a password is set, vpncmd gets in without one from a gateway's own machine, nobody from
    elsewhere, and JSON-RPC not at all.
    """


@admin.command()
@password_file_option
@format_option
@fleet_options()
@pass_invocation
def password(invocation: Invocation, password_file: str | None) -> None:
    """Set the password of the fleet's administrators. It holds at every gateway at once."""
    from gateway.admin.administrators import set_fleet_password
    from gateway.cli.common import note

    with invocation.fleet(create=True) as fleet:
        given = read_password(password_file, "the fleet's administrators", new=True)
        set_fleet_password(fleet, given, now())
    if len(given) < SHORT:
        note(f"the password has {len(given)} characters; anybody may try to guess it")
    if invocation.is_json:
        print_json({"is_set": True})
    else:
        click.echo("password set; administrators who are in stay in")
