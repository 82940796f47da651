"""What is typed: options that exclude each other, names and values, refused before anything."""

import subprocess
import sys

import pytest

from gateway import __version__, logs
from gateway.cli import gateway as gateway_module
from gateway.cli.main import COMMANDS


def test_the_root_lists_every_noun_and_the_first_steps(etherfleet):
    result = etherfleet("--help")
    assert result.exit_code == 0
    for noun in COMMANDS:
        assert f"  {noun} " in result.stdout
    assert "etherfleet hub create OFFICE" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_version(etherfleet):
    assert etherfleet("--version").stdout == f"etherfleet {__version__}\n"


def test_help_imports_nothing_that_takes_its_time():
    slow = ("redis", "rich", "cryptography", "structlog", "gateway.node", "gateway.client")
    code = (
        "import sys; from click.testing import CliRunner; from gateway.cli.main import cli; "
        "assert CliRunner().invoke(cli, ['user', 'add', '--help']).exit_code == 0; "
        f"print([name for name in {slow!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("hub set OFFICE", "nothing to change was named"),
        ("hub create OFFICE --message a --message-file b", "two messages"),
        ("user set OFFICE alice", "nothing to change was named"),
        ("user set OFFICE alice --expires 2030-01-01 --no-expires", "exclude each other"),
        ("user add OFFICE alice --anonymous --password-file x", "leave out --password-file"),
        ("user set OFFICE alice --max-sessions 1 --policy MultiLogins=2", "are the same"),
        ("cascade set OFFICE up", "nothing to change was named"),
        ("cascade set OFFICE up --verify --any-certificate", "exclude each other"),
        ("cascade add OFFICE up --to h:x --to-hub B --user u", "port 'x' is not a number"),
        ("session list --user alice", "name it"),
        ("wait --for nodes", "nodes=NUMBER"),
        ("wait --for nodes=two", "nodes=NUMBER"),
        ("wait --for sessions=OFFICE", "sessions=HUB:NUMBER"),
        ("wait --for drained=", "drained=NODE"),
        ("wait --for ok=1", "its form is ok"),
        ("wait --for tea", "owner=HUB[:NODE]"),
        ("connect h OFFICE --user a --address 10.0.0.5/24 --no-address", "exclude each other"),
        ("connect h OFFICE --user a --user-space --tap ef0", "leave out --tap"),
        ("connect h OFFICE --user a --user-space --no-address", "leave out --no-address"),
        (
            "connect h OFFICE --user a --user-space --anonymous --password-file x",
            "exclude each other",
        ),
        ("connect h OFFICE --user a --user-space --anonymous --key x", "exclude each other"),
        ("connect h OFFICE --user a --user-space --key x", "belong together"),
        ("connect h OFFICE --user a --no-address --default-route", "leave out --address"),
        ("connect h OFFICE --user a --tap a/b", "TAP name 'a/b'"),
        ("connect h OFFICE --user a --user-space", "nobody is at a terminal"),
        ("connect h:x OFFICE --user a --user-space", "port 'x' is not a number"),
        ("connect h OFFICE --user a --mac ff:ff:ff:ff:ff:ff", "MAC address"),
        ("connect h OFFICE --user a --user-space --ca /nowhere --anonymous", "cannot use the cert"),
    ],
)
def test_what_cannot_be_done_so_is_one_line_and_2(etherfleet, words, said):
    result = etherfleet(*words.split())
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("etherfleet: ")
    assert said in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("user add OFFICE alice --policy MaxMak=3", "did you mean MaxMac?"),
        ("user add OFFICE alice --policy MaxMac", "write MaxMac=8"),
        ("user add OFFICE alice --policy NoBridge=perhaps", "yes or no"),
        ("user add OFFICE alice --policy MaxConnection=33", "0 to 32 allowed"),
        ("user add OFFICE alice --policy MaxMac=-1", "0 to 4294967295 allowed"),
        ("user add OFFICE alice --policy Ver3=1", "no policy named 'Ver3'"),
        ("user add OFFICE alice --expires tomorrow", "2026-12-31"),
        ("user add OFFICE alice --expires 2026-13-01", "2026-12-31"),
        ("user add OFFICE alice --expires 2026-12-31T10:00:00", "2026-12-31T18:00:00Z"),
        ("hub create OFFICE --max-sessions -1", "--max-sessions"),
        ("connect h OFFICE", "--user"),
        ("connect h OFFICE --user a --address 10.0.0.5", "10.0.0.5/24"),
        ("connect h OFFICE --user a --address 10.0.0.0/24", "subnet itself"),
        ("connect h OFFICE --user a --pin abc", "64 hex digits"),
        ("connect h OFFICE --user a --connections 33", "--connections"),
        ("completion tcsh", "'bash', 'zsh', 'fish'"),
        ("hub list --format yaml", "'table', 'json'"),
        ("wait", "--for"),
        ("history --last 0", "--last"),
        ("node drain gw-1 --timeout -1", "--timeout"),
    ],
)
def test_wrong_words_are_usage_errors_that_show_right_ones(etherfleet, words, said):
    result = etherfleet(*words.split())
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_us(etherfleet, shell):
    result = etherfleet("completion", shell)
    assert result.exit_code == 0
    assert f"_ETHERFLEET_COMPLETE={shell}_complete" in result.stdout


def test_names_complete_to_nothing_while_the_store_is_away(etherfleet):
    env = {
        "_ETHERFLEET_COMPLETE": "bash_complete",
        "COMP_WORDS": "etherfleet hub show ",
        "COMP_CWORD": "3",
    }
    result = etherfleet(env=env)
    assert result.stdout.strip() == ""
    assert result.stderr == ""


def test_log_levels_are_those_of_the_logs():
    assert gateway_module.LEVELS == logs.LEVELS
