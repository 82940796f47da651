"""The worker held in reserve: one that is being waited for is not given to a slot meanwhile."""

from typing import ClassVar

import gevent
import pytest
from gevent.event import Event

from gateway.config import Settings
from gateway.supervisor import supervisor as module
from gateway.supervisor.supervisor import Supervisor


class Started:
    """A worker process that begins to wait when it is told to."""

    started: ClassVar[list["Started"]] = []

    def __init__(self) -> None:
        self.started.append(self)
        self.may_wait = Event()
        self.is_heard = False
        self.is_stopped = False

    @classmethod
    def start(cls) -> "Started":
        return cls()

    def wait_waiting(self, timeout: float) -> bool:
        self.is_heard = True
        self.may_wait.wait(timeout)
        self.is_heard = False
        return True

    def stop(self) -> None:
        self.is_stopped = True


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(module, "WorkerProcess", Started)
    return Supervisor(Settings(), [], [], log_level="info", reaped=lambda node, process, why: None)


def test_a_slot_gets_another_one_while_the_spare_is_renewed(supervisor: Supervisor) -> None:
    renewing = gevent.spawn(supervisor._renew_spare)
    gevent.sleep(0)
    taken = supervisor._next_process()
    assert not taken.is_heard
    supervisor._hold_spare()
    assert not supervisor._spares, "one is on its way"
    for process in Started.started:
        process.may_wait.set()
    renewing.join(timeout=10)
    assert renewing.successful()
    assert supervisor._next_process() is not taken
