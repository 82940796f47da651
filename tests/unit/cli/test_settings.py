"""`config show` and `config validate`: where each setting comes from, and nothing secret."""

import inspect
import json
import re

import pytest

from gateway import config as settings_module
from gateway.cli.config import VARIABLES

KEY = "c2l4dGVlbiBieXRlcyEhc2l4dGVlbiBieXRlcyEh"  # base64 of 30 bytes, two short


@pytest.fixture
def file(tmp_path):
    """Write a settings file and return its path."""

    def write(text: str) -> str:
        path = tmp_path / "etherfleet.toml"
        path.write_text(text)
        return str(path)

    return write


def shown(result) -> dict:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["settings"]


def test_every_setting_is_shown_with_its_source(etherfleet, file, tmp_path):
    path = file('[gateway]\nnode = "from-file"\n[session]\ntimeout_s = 5.0\n')
    result = etherfleet(
        *("--config", path, "config", "show", "--format", "json"),
        *("--state-dir", str(tmp_path)),
        env={"ETHERFLEET_LISTEN": "127.0.0.1:1, 127.0.0.1:2"},
    )
    settings = shown(result)
    assert settings["gateway.node"] == {"value": "from-file", "source": "file", "origin": path}
    assert settings["session.timeout_s"]["source"] == "file"
    assert settings["session.queue_kib"] == {"value": 1024, "source": "default", "origin": None}
    assert settings["gateway.listen"] == {
        "value": ["127.0.0.1:1", "127.0.0.1:2"],
        "source": "environment",
        "origin": "ETHERFLEET_LISTEN",
    }
    assert settings["gateway.state_dir"]["origin"] == "--state-dir"
    assert settings["gateway.state_dir"]["value"] == str(tmp_path)


def test_the_environment_wins_over_the_file(etherfleet, file):
    path = file('[gateway]\nnode = "from-file"\n')
    env = {"ETHERFLEET_CONFIG": path, "ETHERFLEET_NODE": "from-env"}
    settings = shown(etherfleet("config", "show", "--format", "json", env=env))
    assert settings["gateway.node"]["value"] == "from-env"


@pytest.mark.parametrize("form", ["table", "json"])
def test_the_secrets_of_a_store_url_are_left_out(etherfleet, file, form):
    path = file(
        '[fleet]\nkey_file = "k"\n'
        '[store]\nurl = "redis://me:hunter2@store.example:6379/1?password=hunter3"\n'
    )
    result = etherfleet("config", "show", "--config", path, "--format", form)
    assert "redis://store.example:6379/1" in result.stdout
    assert "hunter" not in result.output


def test_the_variables_are_those_the_settings_read():
    source = inspect.getsource(settings_module)
    read = set(re.findall(r"ETHERFLEET_[A-Z_]+", source)) - {"ETHERFLEET_CONFIG"}
    assert set(VARIABLES.values()) == read


def test_each_variable_changes_the_setting_it_is_said_to(etherfleet, file, tmp_path):
    values = {
        "fleet.name": "other",
        "fleet.key_file": str(tmp_path),
        "store.url": "unix:///tmp/x.sock",
        "gateway.listen": "127.0.0.1:9",
        "gateway.node": "n1",
        "gateway.state_dir": str(tmp_path),
    }
    env = {VARIABLES[name]: value for name, value in values.items()}
    settings = shown(etherfleet("config", "show", "--format", "json", env=env))
    for name, value in values.items():
        assert settings[name]["source"] == "environment"
        assert settings[name]["value"] in (value, [value])


def test_good_settings_are_called_good(etherfleet, file):
    result = etherfleet("config", "validate", file("[session]\ntimeout_s = 3.0\n"))
    assert result.exit_code == 0
    assert "can work" in result.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sesion]\n", "unknown key 'sesion'"),
        ("[session]\ntimeout = 3\n", "unknown key 'timeout' in [session]"),
        ("[session]\ntimeout_s = 99.0\n", "use 1 to 60"),
        ("[session\n", "is not TOML"),
        ('[store]\nurl = "redis://x"\n', "openssl rand"),
        ('[fleet]\nkey_file = "/nowhere/key"\n', "cannot read /nowhere/key"),
        ('[fleet]\nkey_file = "KEY"\n', "30 bytes, 32 expected"),
        ('[fleet]\ncertificate_file = "KEY"\nprivate_key_file = "KEY"\n', "not a certificate"),
    ],
)
def test_what_cannot_work_is_one_line_that_names_it(etherfleet, file, tmp_path, text, said):
    key = tmp_path / "short.key"
    key.write_text(KEY)
    result = etherfleet("config", "validate", file(text.replace("KEY", str(key))))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line


def test_a_missing_file_is_named(etherfleet):
    result = etherfleet("config", "validate", "/nowhere/etherfleet.toml")
    assert result.exit_code == 2
    assert "cannot read /nowhere/etherfleet.toml" in result.stderr
