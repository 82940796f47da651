"""`etherfleet cascade`, as its own process, against a real store."""

import json

from gateway.cli.exits import ExitCode
from gateway.wire.auth import user_password_hash
from tests.integration.test_cli import (
    Run,
    answer,
    etherfleet,  # noqa: F401  # a fixture
    everything_in,
    home,  # noqa: F401  # a fixture
)

PASSWORD = "to the north 7"


def test_a_cascade_from_the_command_line_from_add_to_delete(etherfleet: Run, home) -> None:  # noqa: F811  # fixtures
    etherfleet("hub", "create", "OFFICE")
    where = ("--to", "[2001:db8::1]:443", "--to-hub", "BRANCH", "--user", "office")
    add = ("cascade", "add", "OFFICE", "north", *where)
    etherfleet(*add, code=ExitCode.USAGE)  # nobody to ask for a password
    done = etherfleet(*add, "--password-file", "-", "--offline", input=PASSWORD + "\n")
    assert "north joins OFFICE to BRANCH at [2001:db8::1]:443" in done.stdout
    assert "whoever answers there is believed" in done.stderr
    etherfleet(*add, "--anonymous", code=ExitCode.EXISTS)
    etherfleet("cascade", "show", "OFFICE", "south", code=ExitCode.NOT_FOUND)

    (listed,) = answer(etherfleet("cascade", "list", "--format", "json"))
    assert (listed["state"], listed["auth"], listed["host"]) == (
        *("offline", "password"),
        "2001:db8::1",
    )
    etherfleet("cascade", "online", "OFFICE", "NORTH")
    shown = etherfleet("cascade", "show", "OFFICE", "north").stdout
    assert "waiting: no node has its hub yet" in shown
    changed = etherfleet(
        *("cascade", "set", "OFFICE", "north", "--rename", "up", "--pin", "AB" * 32),
        *("--user", "other", "--policy", "MaxMac=9", "--format", "json"),
        ETHERFLEET_PASSWORD=PASSWORD,
    )
    now = answer(changed)
    assert (now["name"], now["user"], now["trust"]) == ("up", "other", "pin")
    assert (now["pin"], now["policy"]) == ("ab" * 32, {"MaxMac": 9})

    stored = everything_in(home)
    for secret in (PASSWORD, user_password_hash(PASSWORD, "other").hex()):
        assert secret not in stored + json.dumps(now) + shown
    etherfleet("cascade", "delete", "OFFICE", "up", code=ExitCode.USAGE)  # nobody to say yes
    done = etherfleet("cascade", "delete", "OFFICE", "up", "--yes")
    assert done.stdout == "Deleted cascade up from OFFICE to BRANCH at [2001:db8::1]:443.\n"
    assert answer(etherfleet("cascade", "list", "OFFICE", "--format", "json")) == []
