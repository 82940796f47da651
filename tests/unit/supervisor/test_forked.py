"""A forked child: it does what it was told, and nothing of what its parent was about to do."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.supervisor.forked import Forked
from gateway.supervisor.lean import lean_imports

DEADLINE_S = 20.0


@pytest.mark.parametrize("code", [0, 1, 130])
def test_its_exit_code_is_what_it_returned(code: int) -> None:
    child = Forked(lambda: time.sleep(0.1) or code)
    assert child.wait() == code  # without a deadline: nothing else keeps the loop going
    assert child.poll() == code


def test_a_fault_ends_it_with_a_traceback(tmp_path: Path) -> None:
    said = tmp_path / "stderr"

    def run() -> int:
        with said.open("w") as file:
            os.dup2(file.fileno(), 2)
        sys.stderr = os.fdopen(2, "w")
        raise ValueError("a fault of the child")

    child = Forked(run)
    assert child.wait(DEADLINE_S) == 1
    assert "ValueError: a fault of the child" in said.read_text()


def test_what_wraps_its_parent_is_not_left_in_it(tmp_path: Path) -> None:
    left = tmp_path / "left"
    try:
        child = Forked(lambda: sys.exit(3))
        assert child.wait(DEADLINE_S) == 1
    finally:
        with left.open("a") as file:
            file.write("once ")
    assert left.read_text() == "once "


def test_it_is_waited_for_in_time_and_ended_by_a_signal() -> None:
    child = Forked(lambda: time.sleep(600) or 0)
    assert child.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait(DEADLINE_S) == -signal.SIGKILL
    child.send_signal(signal.SIGKILL)  # nobody is there any more, and nobody else is hit


def test_lean_imports_hide_rich_and_bring_it_back() -> None:
    code = (
        "import gc\n"
        "from gateway.supervisor.lean import lean_imports\n"
        "before = gc.get_threshold()\n"
        "with lean_imports():\n"
        "    import structlog\n"
        "    assert gc.get_threshold()[0] == 0\n"
        "assert gc.get_threshold() == before\n"
        "assert structlog.dev.rich is None\n"
        "import rich.table\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=DEADLINE_S)


def test_lean_imports_leave_rich_where_it_is() -> None:
    import rich

    with lean_imports():
        assert sys.modules["rich"] is rich
    assert sys.modules["rich"] is rich
