"""Where a password comes from: a file, the environment, or whoever sits at the terminal.

Never an argument: those are in everybody's process list and in the shell's history.
"""

import os
import sys
from pathlib import Path

import click

from gateway.cli.common import F
from gateway.cli.exits import UsageProblem
from gateway.errors import EtherFleetError

VARIABLE = "ETHERFLEET_PASSWORD"
SHORT = 8  # characters; a shorter password is worth a remark


def password_file_option(command: F) -> F:
    """Add `--password-file`."""
    option = click.option(
        "--password-file",
        metavar="FILE",
        type=click.Path(allow_dash=True),
        help=f"Read the password from FILE, or from standard input with `-`. [env: {VARIABLE}; "
        "else you are asked]",
    )
    return option(command)


def read_password(file: str | None, whom: str, *, new: bool) -> str:
    """Return the password of `whom`; a `new` one is asked for twice.

    Raises UsageProblem when there is nobody to ask, EtherFleetError for the file.
    """
    if file is not None:
        return _from_file(file)
    if (given := os.environ.get(VARIABLE)) is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageProblem(
            f"the password of {whom} is needed and nobody is at a terminal to type it; "
            f"give --password-file FILE, --password-file - or {VARIABLE}"
        )
    question = f"{'New password' if new else 'Password'} of {whom}"
    typed: str = click.prompt(question, hide_input=True, confirmation_prompt=new, err=True)
    return typed


def _from_file(file: str) -> str:
    """Return the one line of a file, without its end."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise EtherFleetError(f"cannot read the password in {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EtherFleetError(f"the password in {file} is not UTF-8 text") from error
    lines = text.splitlines()
    if len(lines) > 1:
        raise UsageProblem(f"{file} has {len(lines)} lines; a password is one line, alone")
    return lines[0] if lines else ""
