"""A store's URL: shown without its secrets, refused without quoting them."""

import pytest

from coordinator.errors import InvalidValue
from coordinator.fleet import find_faults
from coordinator.redis_store import connect, shown


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://me:s3cret@h:7000/2?x=s3cret", "redis://h:7000/2"),
        ("rediss://:s3cret@[::1]:7000", "rediss://[::1]:7000"),
        ("unix:///run/redis.sock?db=1&password=s3cret", "unix:///run/redis.sock"),
    ],
)
def test_url_is_shown_without_user_password_and_query(url: str, text: str) -> None:
    assert shown(url) == text
    assert connect(url.partition("?")[0], "test").where == text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://me:s3cret@localhost",
        "redis://",
        "redis://me:s3cret@host:port",
        "redis://me:s3/cret@host",
        "redis://me:s3cret@[host",
        "unix://host/path",
        "redis://host/?socket_timeout=s3cret",
        "redis://host/?no_such_option=s3cret",
        "unix://",
    ],
)
def test_what_is_no_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(InvalidValue, match="store URL") as caught:
        connect(url, "test").fields("x")
    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_faults_of_a_server_are_named_with_their_cure() -> None:
    assert find_faults({"redis_version": "6.2.0", "aof_enabled": "1"}) == ()
    assert find_faults({"redis_version": "7.2.4", "valkey_version": "9.1.2"}) == ()
    (old,) = find_faults({"redis_version": "6.0.16"})
    assert old == "server version 6.0.16: 6.2 or newer is needed"
    evicting, forgetting = find_faults(
        {"redis_version": "7.0.15", "maxmemory_policy": "allkeys-lru", "aof_enabled": "0"}
    )
    assert "CONFIG SET maxmemory-policy noeviction" in evicting
    assert "appendonly yes" in forgetting
