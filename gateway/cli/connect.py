"""`etherfleet connect`: join this machine to a hub."""

import ipaddress
import re
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.certificate_file import read_pem
from gateway.cli.exits import UsageProblem
from gateway.cli.password import password_file_option, read_password
from gateway.cli.units import size, span

if TYPE_CHECKING:
    from gateway.cli.narrator import Narrator
    from gateway.client.account import Account
    from gateway.client.app import Client, TapWish, TrustWish

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
TICK_S = 1.0  # between two looks at the counters
TAP_OPTIONS = ("tap", "netns", "mac", "mtu", "addresses", "no_address", "default_route")


def _read_address(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Interface, ...]:
    return tuple(map(_as_interface, values))


def _as_interface(text: str) -> Interface:
    example = "write it with its subnet, like 10.0.0.5/24"
    try:
        address = ipaddress.ip_interface(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an address; {example}") from None
    network = address.network
    if "/" not in text:
        raise click.BadParameter(f"{text!r} has no subnet; {example}")
    if network.num_addresses > 2 and address.ip == network.network_address:
        raise click.BadParameter(f"{text!r} is the subnet itself; {example}")
    return address


def read_pin(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    """Return the SHA-256 of a certificate as it was typed, in lower case hex; empty for none."""
    pin = (value or "").replace(":", "").lower()
    if value is not None and not re.fullmatch("[0-9a-f]{64}", pin):
        raise click.BadParameter("the SHA-256 of a certificate is 64 hex digits")
    return pin


@click.command()
@click.argument("gateway", metavar="HOST[:PORT]")
@click.argument("hub", metavar="HUB")
@click.option("--user", required=True, metavar="NAME", help="Who joins.")
@password_file_option
@click.option("--anonymous", is_flag=True, help="Join without a password.")
@click.option("--certificate", metavar="FILE", help="Join by this certificate, in PEM.")
@click.option("--key", metavar="FILE", help="Its private key, RSA, in PEM.")
@click.option("--tap", metavar="NAME", help="The interface. [default: ef0, or the next free]")
@click.option("--netns", metavar="NAME", help="Put the interface into this network namespace.")
@click.option("--mac", metavar="MAC", help="Its MAC address. [default: always the same one]")
@click.option("--mtu", metavar="BYTES", type=click.IntRange(576, 1582), help="[default: 1500]")
@click.option(
    "--address",
    "addresses",
    metavar="ADDRESS/BITS",
    multiple=True,
    callback=_read_address,
    help="A fixed address; may be repeated. [default: asked for by DHCP]",
)
@click.option("--no-address", is_flag=True, help="Leave the interface without an address.")
@click.option("--default-route", is_flag=True, help="Everything through the hub; needs DHCP.")
@click.option(
    "--connections",
    metavar="N",
    type=click.IntRange(1, 32),
    default=1,
    help="TCP connections. [default: 1]",
)
@click.option("--compress", is_flag=True, help="Compress frames.")
@click.option("--half-duplex", is_flag=True, help="Each connection carries one direction.")
@click.option("--bridge", is_flag=True, help="Join as a bridge, for other machines behind us.")
@click.option("--verify", is_flag=True, help="Check the gateway's certificate and its name.")
@click.option("--ca", metavar="FILE", help="By these authorities, in PEM. Implies --verify.")
@click.option("--pin", metavar="SHA256", callback=read_pin, help="Accept this certificate only.")
@click.option("--once", is_flag=True, help="Give up where we would log in again.")
@click.option("--user-space", is_flag=True, help="No interface: join and count. Needs no root.")
def connect(gateway: str, hub: str, user: str, **options: Any) -> None:
    """Join this machine to HUB at HOST (TCP port 5555 if not said), until Ctrl-C.

    The interface gets an address by DHCP from the hub. A lost connection is taken up again and
    the session resumed; after an end we log in again. On leaving, the address, the routes and the
    interface go.
    """
    from gateway.cli.narrator import Narrator
    from gateway.client.app import Client, check_rights
    from gateway.client.resolve import parse_target

    target = parse_target(gateway)
    tap = _tap_of(options)
    if tap is not None:
        check_rights()
    account = _account_of(hub, user, f"{user} at {target}", options)
    narrator = Narrator()
    narrator.listen()
    client = Client(
        target, account, _trust_of(options), tap, tell=narrator.say, retry=not options["once"]
    )
    narrator.say(f"joining {hub} at {target} as {user}")
    _run(client, account, narrator)


def _tap_of(options: dict[str, Any]) -> "TapWish | None":
    """Return the interface that is wanted, None in user space. Raises UsageProblem, ConfigError."""
    from gateway.client.addressing import Wanted
    from gateway.client.app import TapWish
    from gateway.client.mac import parse_mac
    from gateway.client.port import PortError
    from gateway.client.tap import AUTO_NAME, check_name

    if options["user_space"]:
        if told := [name for name in TAP_OPTIONS if options[name]]:
            raise UsageProblem(
                f"--user-space makes no interface; leave out --{told[0].replace('_', '-')}"
            )
        return None
    addresses, no_address = options["addresses"], options["no_address"]
    if addresses and no_address:
        raise UsageProblem("--address and --no-address exclude each other; give one")
    dhcp = not addresses and not no_address
    if options["default_route"] and not dhcp:
        raise UsageProblem("--default-route takes the router that DHCP names; leave out --address")
    name = options["tap"] or AUTO_NAME
    try:
        check_name(name)
    except PortError as error:
        raise UsageProblem(str(error)) from error
    mac = parse_mac(options["mac"]) if options["mac"] else None
    wanted = Wanted(dhcp, addresses, options["default_route"], options["mtu"] or 1500)
    return TapWish(name, mac, options["netns"], wanted)


def _account_of(hub: str, user: str, whom: str, options: dict[str, Any]) -> "Account":
    """Return who logs in, and how he proves it. Raises UsageProblem, ConfigError."""
    from gateway.client.account import Account
    from gateway.wire.identity import read_identity

    terms, file = _terms_of(options), options["password_file"]
    pair = options["certificate"], options["key"]
    if sum((options["anonymous"], file is not None, any(pair))) > 1:
        raise UsageProblem(
            "--anonymous, --password-file and --certificate exclude each other; give one"
        )
    if any(pair):
        if not all(pair):
            raise UsageProblem("--certificate and --key belong together; give both")
        return Account(hub, user, identity=read_identity(*map(read_pem, pair)), **terms)
    password = None if options["anonymous"] else read_password(file, whom, new=False)
    return Account.of(hub, user, password, **terms)


def _terms_of(options: dict[str, Any]) -> dict[str, Any]:
    import socket

    half = options["half_duplex"]
    return {
        "max_connection": max(options["connections"], 2) if half else options["connections"],
        "use_compress": options["compress"],
        "half_connection": half,
        "bridge": options["bridge"],
        "host_name": socket.gethostname(),
    }


def _trust_of(options: dict[str, Any]) -> "TrustWish":
    from gateway.client.app import TrustWish

    verify = options["verify"] or options["ca"] is not None
    return TrustWish(verify, options["ca"], options["pin"])


def _run(client: "Client", account: "Account", narrator: "Narrator") -> None:
    """Run the client until it ends or a signal comes; say how it went."""
    import signal
    import time

    import gevent

    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, client.stop)
    began = time.monotonic()
    ticker = gevent.spawn(_tick, client, narrator)
    try:
        client.run()
        if not client.logins:
            raise click.Abort  # stopped before we were in
    finally:
        ticker.kill()
        narrator.close()
        if client.logins:
            meter = client.meter
            narrator.say(
                f"left {account.hub} after {span(time.monotonic() - began)}: "
                f"received {size(meter.bytes_in)} in {meter.frames_in} frames, "
                f"sent {size(meter.bytes_out)} in {meter.frames_out}"
            )


def _tick(client: "Client", narrator: "Narrator") -> None:
    """Keep the status line true, and lines that were said once sayable again."""
    import gevent

    meter = client.meter
    before_in, before_out = 0, 0
    while True:
        session = client.session
        if session is None:
            narrator.show("not joined, trying")
        elif not session.connections:
            narrator.show("connection lost, taking it up again")
        else:
            narrator.refresh()
            narrator.show(
                " · ".join(
                    part
                    for part in (
                        session.welcome.session_name,
                        client.address,
                        f"in {size(meter.bytes_in)}, {size(meter.bytes_in - before_in)}/s",
                        f"out {size(meter.bytes_out)}, {size(meter.bytes_out - before_out)}/s",
                        f"{len(session.connections)} TCP",
                    )
                    if part
                )
            )
        before_in, before_out = meter.bytes_in, meter.bytes_out
        gevent.sleep(TICK_S)
