"""What the kernel is told about our processes."""

import os
import subprocess
import sys

CODE = """
import os
from gateway.processes import take_short_turns
os.nice(3)
took = take_short_turns()
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
print(os.getpriority(os.PRIO_PROCESS, 0), took, take_short_turns(), os.sched_getscheduler(0))
"""


def test_short_turns_leave_the_priority_and_what_an_operator_chose():
    said = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    nice, _, took_as_batch, policy = said.stdout.split()  # old kernels may say no to the first
    assert int(nice) == os.getpriority(os.PRIO_PROCESS, 0) + 3
    assert took_as_batch == "False"
    assert int(policy) == os.SCHED_BATCH
