"""Expected errors become one line and a fixed code; surprises stay what they are."""

import click
import pytest
from click.testing import CliRunner

from coordinator.errors import (
    AlreadyExists,
    Conflict,
    ForeignStore,
    HubOffline,
    InvalidValue,
    Limit,
    NoRoom,
    NotFound,
    SealBroken,
    StoreUnavailable,
    WrongFleetKey,
)
from gateway.admin.nodes import NotPossible
from gateway.cli.exits import Declined, ExitCode, NotInTime, UsageProblem, code_of, line_of
from gateway.cli.main import Root
from gateway.client.dial import CannotConnect, CertificateRejected
from gateway.client.port import PortError
from gateway.client.resolve import Unresolvable
from gateway.errors import ConfigError, EtherFleetError, Refused
from gateway.wire.codes import ErrorCode

ERRORS = [
    (UsageProblem("x"), 2),
    (ConfigError("x"), 2),
    (InvalidValue("x"), 2),
    (NotFound("hub", "X"), 3),
    (NotFound("user", "x"), 3),
    (NotFound("session", "x"), 3),
    (AlreadyExists("hub", "X"), 4),
    (Conflict("x"), 4),
    (StoreUnavailable("x"), 5),
    (ForeignStore("x"), 5),
    (WrongFleetKey("x"), 5),
    (SealBroken("x"), 5),
    (CertificateRejected("x"), 6),
    (Refused(ErrorCode.AUTH_FAILED, "x"), 6),
    (Refused(ErrorCode.ACCESS_DENIED, "x"), 6),
    (Refused(ErrorCode.HUB_NOT_FOUND, "x"), 3),
    (Refused(ErrorCode.HUB_BUSY, "x"), 1),
    (CannotConnect("x"), 7),
    (Unresolvable("x"), 7),
    (PortError("x"), 1),
    (Declined("x"), 1),
    (NotPossible("x"), 1),
    (NotInTime("x"), 8),
    (NotFound("node", "x"), 3),
    (HubOffline("X"), 1),
    (NoRoom(Limit.HUB_SESSIONS, "X", 1, 1), 1),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda v: str(getattr(v, "args", v)))
def test_every_expected_error_has_a_code_and_one_line(error, code):
    assert code_of(error) == code
    line = line_of(error)
    assert line.startswith("etherfleet: ")
    assert "\n" not in line


def test_a_text_of_several_lines_becomes_one():
    assert line_of(EtherFleetError("first\n  second")) == "etherfleet: first second"


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (NotFound("hub", "OFICE"), "etherfleet hub list"),
        (NotFound("node", "gw-9"), "etherfleet node list"),
        (AlreadyExists("user", "alice"), "etherfleet user set"),
        (StoreUnavailable("store does not serve"), "etherfleet config show"),
        (Refused(ErrorCode.AUTH_FAILED, "refused"), "check the user's name, the password"),
        (CertificateRejected("other certificate"), "pin the new one"),
        (CannotConnect("refused"), "is a gateway running there"),
    ],
)
def test_a_line_says_what_to_do_next(error, next_step):
    assert next_step in line_of(error)


def _ending_with(error: BaseException) -> click.Command:
    group = Root("etherfleet")

    @group.command()
    def verb() -> None:
        raise error

    return group


def test_the_root_turns_an_error_into_a_line_on_stderr_and_a_code():
    result = CliRunner().invoke(_ending_with(NotFound("hub", "X")), ["verb"])
    assert result.exit_code == ExitCode.NOT_FOUND
    assert result.stdout == ""
    assert result.stderr.splitlines() == [line_of(NotFound("hub", "X"))]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_ends_with_130(error):
    assert CliRunner().invoke(_ending_with(error), ["verb"]).exit_code == ExitCode.INTERRUPTED


def test_a_surprise_keeps_its_traceback():
    result = CliRunner().invoke(_ending_with(ZeroDivisionError()), ["verb"])
    assert isinstance(result.exception, ZeroDivisionError)
    assert result.exc_info is not None
