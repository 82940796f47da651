"""A crew: every task is carried out once, in a greenlet of its own, and kill ends them all."""

import gevent
import pytest
from gevent.event import Event

from gateway.node.crew import IDLE_S, MOST_IDLE, Crew


@pytest.fixture
def crew():
    crew = Crew()
    yield crew
    crew.kill()


def settle() -> None:
    for _ in range(5):
        gevent.sleep(0)


def test_tasks_run_beside_each_other_and_not_before_the_loop_turns(crew):
    done, gate = [], Event()

    def task(number: int) -> None:
        gate.wait()
        done.append(number)

    for number in range(100):
        crew.start(lambda number=number: task(number))
    assert not done
    settle()
    gate.set()
    settle()
    assert sorted(done) == list(range(100))


def test_whoever_is_idle_is_used_again(crew):
    ran_in = []
    for _ in range(10):
        crew.start(lambda: ran_in.append(gevent.getcurrent()))
        settle()
    assert len(ran_in) == 10
    assert len(set(ran_in)) == 1


def test_a_task_is_not_given_to_one_that_is_busy(crew):
    ran_in, gate = [], Event()

    def wait() -> None:
        ran_in.append(gevent.getcurrent())
        gate.wait()

    for _ in range(3):
        crew.start(wait)
        settle()
    assert len(set(ran_in)) == 3
    gate.set()


def test_not_all_of_a_crowd_stay(crew):
    ran_in, gate = [], Event()

    def wait() -> None:
        ran_in.append(gevent.getcurrent())
        gate.wait()

    for _ in range(3 * MOST_IDLE):
        crew.start(wait)
    settle()
    gate.set()
    settle()
    assert sum(not greenlet.dead for greenlet in ran_in) == MOST_IDLE


def test_who_waits_for_long_leaves(crew):
    ran_in = []
    for _ in range(3):
        crew.start(lambda: ran_in.append(gevent.getcurrent()))
    settle()
    assert not any(greenlet.dead for greenlet in ran_in)
    with gevent.Timeout(20 * IDLE_S):
        gevent.joinall(ran_in)
    crew.start(lambda: ran_in.append(gevent.getcurrent()))
    settle()
    assert len(set(ran_in)) == 4


def test_kill_ends_the_busy_and_the_idle(crew):
    ran_in, told = [], []

    def wait() -> None:
        ran_in.append(gevent.getcurrent())
        try:
            Event().wait()
        except gevent.GreenletExit:
            told.append("busy")  # and returns as if all were well

    crew.start(lambda: ran_in.append(gevent.getcurrent()))
    settle()
    crew.start(wait)
    crew.start(wait)
    settle()
    crew.kill()
    assert told == ["busy", "busy"]
    assert all(greenlet.dead for greenlet in ran_in)
