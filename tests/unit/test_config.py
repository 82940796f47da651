"""Settings: what is refused, and that the refusal names the key and a value that would do."""

import socket
from pathlib import Path

import pytest

from gateway.config import load, parse_listen
from gateway.errors import ConfigError


def settings(tmp_path: Path, text: str = "", **environment: str):
    file = tmp_path / "etherfleet.toml"
    file.write_text(text)
    return load(str(file), environment)


def test_an_empty_file_works(tmp_path):
    loaded = settings(tmp_path)
    assert loaded.gateway.listen == ["0.0.0.0:5555", "[::]:5555"]
    assert loaded.session.timeout_s == 20.0
    assert loaded.limits.handshakes_per_address == 50


def test_the_environment_wins_over_the_file(tmp_path):
    loaded = settings(
        tmp_path,
        '[gateway]\nnode = "file"\nlisten = ["127.0.0.1:1"]',
        ETHERFLEET_NODE="env",
        ETHERFLEET_LISTEN="127.0.0.1:2, [::1]:3",
        ETHERFLEET_STATE_DIR="~/here",
    )
    assert loaded.node == "env"
    assert loaded.gateway.listen == ["127.0.0.1:2", "[::1]:3"]
    assert loaded.state_dir == Path.home() / "here"


def test_a_variable_that_is_empty_is_none(tmp_path):
    assert settings(tmp_path, "gateway.node = 'n1'", ETHERFLEET_NODE="").node == "n1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "unknown key 'colour' in the top level; known there: fleet, store"),
        ("[session]\ntimeout = 20", "unknown key 'timeout' in [session]; known there: timeout_s"),
        ("[limits]\nhandshake = 1", "known there: handshakes, handshakes_per_address"),
        ("session.timeout_s = 'x'", "session.timeout_s"),
        ("gateway = 5", "gateway"),
        ("gateway.listen = [5]", "gateway.listen"),
        ("session.timeout_s = 0", "session.timeout_s is 0; use 1 to 60"),
        ("session.timeout_s = nan", "session.timeout_s is nan; use 1 to 60"),
        ("session.timeout_s = 61", "session.timeout_s is 61; use 1 to 60"),
        ("session.resume_s = 5", "session.resume_s is 5"),
        ("session.resume_s = inf", "session.resume_s is inf"),
        ("session.queue_kib = 0", "session.queue_kib is 0; use 64 or more"),
        ("limits.handshakes = 0", "limits.handshakes is 0; use 1 or more"),
        ("limits.handshakes_per_address = 0", "limits.handshakes_per_address is 0; use 1 or more"),
        ("limits.handshake_s = 0", "limits.handshake_s is 0"),
        ("metrics.listen = '9590'", "metrics.listen has '9590'; write address:port"),
        ("metrics.hub_labels = -1", "metrics.hub_labels is -1; use 0 to 10000"),
        ("[metrics]\nport = 1", "unknown key 'port' in [metrics]; known there: listen"),
        ("limits.handshake_s = inf", "limits.handshake_s is inf"),
        ("limits.handshake_s = nan", "limits.handshake_s is nan"),
        ("limits.backlog = -1", "limits.backlog is -1; use 1 or more"),
        ("gateway.listen = []", "gateway.listen is empty"),
        ("gateway.listen = ['5555']", "gateway.listen has '5555'; write address:port"),
        ("gateway.listen = ['h:66000']", "gateway.listen has 'h:66000'"),
        (f"gateway.listen = ['h:{'9' * 5000}']", "gateway.listen has"),
        ("gateway.listen = ['[::]:x']", "gateway.listen has '[::]:x'"),
        ("fleet.name = 'Big'", "fleet.name is 'Big'; use 1 to 32 of a-z"),
        ("fleet.name = ''", "fleet.name is ''"),
        ("fleet.certificate_file = 'x'", "set both or none"),
        ("store.url = 'http://x'", "store.url begins with 'http://'"),
        ("store.url = 'localhost'", "use redis://, rediss:// or unix://"),
        ("store.url = 'redis://x'", "fleet.key_file must be set"),
        ("= 1", "is not TOML"),
    ],
)
def test_what_cannot_work_is_refused_by_name(tmp_path, text, said):
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_section_that_is_none_is_refused_also_when_the_environment_adds_to_it(tmp_path):
    with pytest.raises(ConfigError, match="gateway"):
        settings(tmp_path, "gateway = 5", ETHERFLEET_NODE="n1")


def test_a_file_that_was_named_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*nothing\.toml: No such file"):
        load(str(tmp_path / "nothing.toml"), {})
    with pytest.raises(ConfigError, match="Is a directory"):
        load(None, {"ETHERFLEET_CONFIG": str(tmp_path)})


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "etherfleet.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(str(file), {})


@pytest.mark.parametrize(
    ("host", "node"),
    [("Gate1", "gate1"), ("my_box", "my-box"), ("-x.local", "x.local"), ("ü" * 3, "node")],
)
def test_a_host_of_any_name_is_a_node(tmp_path, monkeypatch, host, node):
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert settings(tmp_path).node == node


def test_addresses_are_split_at_the_last_colon():
    assert parse_listen("0.0.0.0:5555") == ("0.0.0.0", 5555)
    assert parse_listen("[::]:443") == ("::", 443)
