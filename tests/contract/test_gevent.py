"""Under gevent: the store works between greenlets, and a greenlet killed in a call harms nobody.

In a process of its own, because patching is for the whole process.
"""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import sys
from dataclasses import replace
from pathlib import Path
import gevent
from coordinator.errors import NoRoom
from coordinator.fleet import join
from coordinator.model import Hub, NewSession, User
from coordinator.redis_store import connect
from coordinator.times import utc_now
from gateway.embedded import EmbeddedStore

with EmbeddedStore(Path(sys.argv[1])) as embedded:
    fleet = join(connect(embedded.url, "test", pool_size=8), embedded.fleet_key(), utc_now())
    fleet.directory.create_hub(Hub("corp", max_sessions=10), utc_now())
    fleet.directory.create_user(User("corp", "alice"), utc_now())

    def login(number):
        new = NewSession("corp", "alice", "node-1", f"192.0.2.1:{number}")
        try:
            return fleet.sessions.open(new, number.to_bytes(20, "big"), utc_now())
        except NoRoom:
            return None

    logins = [gevent.spawn(login, number) for number in range(60)]
    admitted = [record for record in (job.get() for job in logins) if record]
    print("admitted", len(admitted), fleet.sessions.count("corp"))

    def read_for_ever(record):
        while True:
            found = fleet.sessions.get("corp", record.name)
            assert found == record, (found, record)

    readers = [gevent.spawn(read_for_ever, record) for record in admitted]
    for round in range(50):
        victim = readers.pop(0)
        gevent.sleep(0.002)
        victim.kill()
        assert not victim.value or isinstance(victim.value, gevent.GreenletExit), victim.exception
        readers.append(gevent.spawn(read_for_ever, admitted[round % 10]))
    failed = [reader for reader in readers if reader.dead]
    gevent.killall(readers)
    print("mixed up", len(failed), "left", len(fleet.sessions.of_hub("corp")))
"""


def test_limits_are_exact_and_a_killed_greenlet_mixes_up_no_reply(state_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(state_dir / "gevent")],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["admitted 10 10", "mixed up 0 left 10"]
