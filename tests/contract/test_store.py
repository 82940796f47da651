"""The store's rim: one attempt per call, errors in one line without a secret, scripts reloaded."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import redis

from coordinator.errors import ForeignStore, StoreRefused, StoreUnavailable
from coordinator.fleet import Fleet, join
from coordinator.redis_store import RedisStore, connect
from coordinator.sessions import Sessions
from coordinator.store import Call
from gateway.embedded import EmbeddedStore
from tests.conftest import FLEET_KEY
from tests.contract.values import ALICE, LOGIN, NOW, furnish, new_key, open_session


def test_a_server_without_our_scripts_is_given_them(fleet: Fleet, raw) -> None:
    furnish(fleet)
    raw.script_flush()  # as after a restart, or on a promoted replica
    key = fleet.store.keys.meta()
    answers = fleet.store.steps("create_once", [Call([key], ["a", "b"])] * 3)
    assert [answer[0] for answer in answers] == ["kept"] * 3


def test_reading_what_is_not_there_is_empty(store: RedisStore) -> None:
    key = store.keys.hub("corp")
    assert store.fields(key) == {}
    assert store.fields_of([key, key]) == [{}, {}]
    assert store.fields_of([]) == []
    assert store.field(key, "name") is None
    assert store.text(key) is None
    assert store.members(key) == []
    assert store.size(key) == 0


def test_scan_finds_this_fleet_only(store_url: str, raw) -> None:
    names = [connect(store_url, name) for name in ("scan", "scan2", "sc-n")]
    for name in names:
        raw.set(name.keys.meta(), "x")
    assert [list(name.scan()) for name in names] == [
        [("ef:{scan}:meta", "string")],
        [("ef:{scan2}:meta", "string")],
        [("ef:{sc-n}:meta", "string")],
    ]


def test_a_key_of_another_type_is_foreign(store: RedisStore, raw) -> None:
    raw.set(store.keys.hub("corp"), "text")
    with pytest.raises(ForeignStore, match="holds something else under our names"):
        store.fields(store.keys.hub("corp"))
    with pytest.raises(ForeignStore):
        store.fields_of([store.keys.hub("corp")])


def test_a_password_that_is_wrong_is_never_shown(store_url: str, raw) -> None:
    raw.execute_command("ACL", "SETUSER", "shy", "on", ">right", "~*", "+@all")
    store = connect(f"{store_url}?username=shy&password=wr0ng", "test")
    with pytest.raises(StoreRefused, match="refuses our user or password") as caught:
        store.fields(store.keys.meta())
    assert "wr0ng" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_user_with_too_few_rights_is_told(store_url: str, raw) -> None:
    raw.execute_command("ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@connection", "+@read")
    store = connect(f"{store_url}?username=reader&password=pass", "test")
    with pytest.raises(StoreRefused, match="permission"):
        join(store, FLEET_KEY, NOW)


def test_a_store_that_is_not_there_names_what_was_tried() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        tcp_port = taken.getsockname()[1]
    store = connect(f"redis://me:s3cret@127.0.0.1:{tcp_port}/2", "test")
    with pytest.raises(StoreUnavailable) as caught:
        store.fields(store.keys.meta())
    assert f"redis://127.0.0.1:{tcp_port}/2 does not serve" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_step_whose_reply_is_lost_ran_once(store_url: str, fleet: Fleet) -> None:
    furnish(fleet)
    open_session(fleet)  # the server knows the step from here on
    with proxy_that_swallows_replies_to(b"EVALSHA", store_url) as tcp_port:
        url = f"redis://127.0.0.1:{tcp_port}"
        there = join(connect(store_url, fleet.store.keys.fleet), FLEET_KEY, NOW)
        lossy = Sessions(connect(url, fleet.store.keys.fleet))
        key = new_key()
        with pytest.raises(StoreUnavailable):
            lossy.open(LOGIN, key, NOW)
    # It happened, once, and repeating it finds it.
    assert there.sessions.count("corp") == 2
    assert there.sessions.open(LOGIN, key, NOW) == there.sessions.by_key(key)
    assert there.traffic.hub("corp").logins == 2


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("maxmemory", "1", "memory"),
        ("min-replicas-to-write", "1", "NOREPLICAS"),
        ("replicaof", "", "replica"),
    ],
)
def test_a_server_that_cannot_write_now_is_unavailable(
    private_store: EmbeddedStore, setting: str, value: str, code: str
) -> None:
    fleet = join(connect(private_store.url, "test"), FLEET_KEY, NOW)
    furnish(fleet)
    with redis.Redis.from_url(private_store.url) as raw:
        if setting == "replicaof":
            raw.execute_command("REPLICAOF", "127.0.0.1", "1")
        else:
            raw.config_set(setting, value)
    with pytest.raises(StoreUnavailable, match=f"does not serve: .*{code}"):
        open_session(fleet)
    with pytest.raises(StoreUnavailable, match=f"does not serve: .*{code}"):
        fleet.directory.delete_hub("corp")


def test_a_replica_without_its_master_is_unavailable(private_store: EmbeddedStore) -> None:
    fleet = join(connect(private_store.url, "test"), FLEET_KEY, NOW)
    with redis.Redis.from_url(private_store.url) as raw:
        raw.config_set("replica-serve-stale-data", "no")
        raw.execute_command("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(StoreUnavailable, match=r"(?i)does not serve: .*master"):
        fleet.directory.version()


def test_a_server_busy_with_a_script_is_unavailable(private_store: EmbeddedStore) -> None:
    store = connect(private_store.url, "test")
    with redis.Redis.from_url(private_store.url) as raw:
        raw.config_set("busy-reply-threshold", "1")
        looping = threading.Thread(target=loop_until_killed, args=(private_store.url,))
        looping.start()
        with pytest.raises(StoreUnavailable, match=r"does not serve: .*BUSY"):
            read_for_ever(store)
        raw.script_kill()
        looping.join()


def test_text_that_is_none_is_stored_readably(store: RedisStore, raw, fleet: Fleet) -> None:
    furnish(fleet)
    record = open_session(fleet, host_name="\ud800?", client_name="\udcff")
    assert fleet.sessions.get("corp", record.name).host_name == "??"
    raw.hset(store.keys.hub("corp"), "message", b"\xff")
    assert fleet.directory.hub("corp").message == "\ufffd"


def test_silence_ends_at_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}"
        store = connect(url, "test", timeout=0.05)
        with pytest.raises(StoreUnavailable, match=r"[Tt]ime"):
            store.fields(store.keys.meta())


def test_connections_of_before_a_restart_are_replaced_unnoticed(
    private_store: EmbeddedStore,
) -> None:
    fleet = join(connect(private_store.url, "test"), FLEET_KEY, NOW)
    _, alice = furnish(fleet)
    private_store.stop()
    with pytest.raises(StoreUnavailable):
        fleet.directory.version()
    private_store.ensure()
    assert fleet.directory.user("corp", ALICE.name) == alice


def read_for_ever(store: RedisStore) -> None:
    while True:
        store.fields(store.keys.meta())


def loop_until_killed(url: str) -> None:
    with (
        redis.Redis.from_url(url) as client,
        suppress(redis.ResponseError),  # what the one who is killed gets
    ):
        client.eval("while true do end", 0)


@contextmanager
def proxy_that_swallows_replies_to(command: bytes, store_url: str) -> Iterator[int]:
    """Carry bytes to the store and back, but hang up instead of the reply to `command`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            with client, socket.socket(socket.AF_UNIX) as server:
                server.connect(store_url.removeprefix("unix://"))
                while data := client.recv(65536):
                    server.sendall(data)
                    reply = server.recv(65536)
                    if command in data:
                        break
                    client.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
