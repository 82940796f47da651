"""A command line to call, away from this machine's settings."""

from collections.abc import Callable, Mapping

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli

Etherfleet = Callable[..., Result]


@pytest.fixture
def etherfleet(monkeypatch: pytest.MonkeyPatch, state_dir) -> Etherfleet:
    """Run `etherfleet` with arguments; its state directory is one that nothing is started in."""
    for name in ("CONFIG", "STORE_URL", "LISTEN", "NODE", "FLEET", "FLEET_KEY_FILE", "PASSWORD"):
        monkeypatch.delenv(f"ETHERFLEET_{name}", raising=False)
    monkeypatch.setenv("ETHERFLEET_STATE_DIR", str(state_dir / "nowhere"))

    def run(*arguments: str, input: str = "", env: Mapping[str, str] | None = None) -> Result:
        return CliRunner().invoke(
            cli, list(arguments), input=input, env=env, prog_name="etherfleet"
        )

    return run
