"""A line: shared by all callers of a process, mixed up by none, replaced when it broke."""

import threading
import time

import pytest

from coordinator.errors import ForeignStore, StoreUnavailable
from coordinator.redis_line import FRESH_S
from coordinator.redis_store import RedisStore, connect
from coordinator.store import Call

CALLERS = 8


def test_callers_at_once_hear_their_own_answers(store: RedisStore, raw) -> None:
    keys = [store.keys.hub(f"hub {number}") for number in range(CALLERS)]
    for number, key in enumerate(keys):
        raw.hset(key, mapping={"name": str(number)} | {f"f{i}": "x" * 50 for i in range(number)})
    wrong: list[object] = []

    def read(number: int) -> None:
        for _ in range(200):
            found = store.fields_of([keys[number], keys[-1 - number]])
            if [fields["name"] for fields in found] != [str(number), str(CALLERS - 1 - number)]:
                wrong.append((number, found))

    threads = [threading.Thread(target=read, args=[number]) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_error_is_the_answer_of_its_own_question_only(store: RedisStore, raw) -> None:
    raw.set(store.keys.hub("text"), "no hash")
    raw.hset(store.keys.hub("good"), "name", "good")
    with pytest.raises(ForeignStore):
        store.fields_of([store.keys.hub("good"), store.keys.hub("text"), store.keys.hub("good")])
    assert store.fields(store.keys.hub("good")) == {"name": "good"}


def test_a_connection_closed_while_idle_is_replaced(store: RedisStore, raw) -> None:
    assert store.size(store.keys.hubs()) == 0
    raw.client_kill_filter(_type="normal", skipme=True)
    time.sleep(2 * FRESH_S)
    assert store.size(store.keys.hubs()) == 0


def test_what_is_no_text_is_sent_as_question_marks(store: RedisStore, raw) -> None:
    store.steps("create_once", [Call([store.keys.meta()], ["name", "a\udc80b"])])
    assert raw.hget(store.keys.meta(), "name") == "a?b"


def test_nobody_there_is_told_to_all_who_wait() -> None:
    store = connect("redis://127.0.0.1:1/0", "test", timeout=1.0)
    told: list[Exception] = []

    def ask() -> None:
        try:
            store.size(store.keys.hubs())
        except StoreUnavailable as error:
            told.append(error)

    threads = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == CALLERS
