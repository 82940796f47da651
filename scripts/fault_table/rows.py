"""The faults: what is done, what the reference makes of it, and what is demanded of us.

The columns of the reference were measured with its own client: default settings (retry interval
15 s, time-out 20 s), and the shortest it allows (5 s and 5 s).
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from coordinator.model import NodeMode
from scripts.fault_table.scene import HUB, Measured, Scene
from tests.stock.waiting import until

FROZEN_S = 30.0
STORE_AWAY_S = 20.0


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `strike(scene)` does it and returns when it is over; clients need not be back."""

    name: str
    title: str
    default: str
    shortest: str
    demanded: str
    strike: Callable[[Scene, Measured], None]
    moves: bool = False
    "whether the hub and its sessions are to be elsewhere afterwards"


def kill_worker(scene: Scene, measured: Measured) -> None:
    scene.victim.kill_worker(scene.node)


def stop_worker(scene: Scene, measured: Measured) -> None:
    ended = len(scene.victim.events("worker ended"))
    scene.victim.stop_worker(scene.node)
    until(lambda: len(scene.victim.events("worker ended")) > ended, "the worker to end", 20)


def roll(scene: Scene, measured: Measured) -> None:
    done = len(scene.victim.events("all workers restarted"))
    scene.victim.roll()
    scene.victim.wait_rolled(done + 1)


def restart_host(scene: Scene, measured: Measured) -> None:
    scene.shelter(but=scene.victim.nodes)
    scene.victim.stop()
    scene.victim.start()


def freeze_worker(scene: Scene, measured: Measured) -> None:
    scene.victim.freeze_worker(scene.node)


def kill_host(scene: Scene, measured: Measured) -> None:
    scene.victim.kill()


def cut_host(scene: Scene, measured: Measured) -> None:
    scene.fleet.cut(scene.victim.name)


def freeze_host(scene: Scene, measured: Measured) -> None:
    scene.victim.freeze()
    time.sleep(FROZEN_S)
    scene.victim.thaw()


def kill_leader(scene: Scene, measured: Measured) -> None:
    scene.lead_elsewhere()
    with scene.probing(scene.entry, measured):
        time.sleep(1.0)
        scene.other.kill()
        time.sleep(8.0)
    measured.notes.append(f"leads now: {scene.fleet.leader()}")


def kill_other(scene: Scene, measured: Measured) -> None:
    with scene.probing(scene.entry, measured):
        time.sleep(1.0)
        scene.other.kill()
        time.sleep(8.0)


def freeze_other(scene: Scene, measured: Measured) -> None:
    with scene.probing(scene.entry, measured):
        time.sleep(1.0)
        scene.other.freeze()
        time.sleep(12.0)


def drain(scene: Scene, measured: Measured) -> None:
    for node in scene.victim.nodes:
        scene.fleet.set_mode(node, NodeMode.DRAINING)
    scene.wait_left(scene.victim.nodes)


def drain_node(scene: Scene, measured: Measured) -> None:
    scene.fleet.set_mode(scene.other.nodes[0], NodeMode.CORDONED)
    scene.fleet.set_mode(scene.victim.nodes[1], NodeMode.SERVING)
    scene.fleet.set_mode(scene.node, NodeMode.DRAINING)
    scene.wait_left([scene.node])


def move_to_sibling(scene: Scene, measured: Measured) -> None:
    scene.fleet.move(HUB, scene.victim.nodes[1])


def kill_sibling(scene: Scene, measured: Measured) -> None:
    """Nobody has told the worker at whose port the clients knock where they belong by now."""
    drain_node(scene, measured)
    time.sleep(2.0)
    scene.victim.kill_worker(scene.victim.nodes[1])


def roll_drained(scene: Scene, measured: Measured) -> None:
    """Both workers are replaced while one answers for sessions that are with the other."""
    drain_node(scene, measured)
    time.sleep(2.0)
    roll(scene, measured)


def stop_store(scene: Scene, measured: Measured) -> None:
    scene.fleet.store.stop()
    time.sleep(STORE_AWAY_S)
    scene.fleet.store.start()


ROWS = (
    Row("worker-killed", "worker SIGKILL, supervisor alive", "33.6-36.2", "9.8-11.2",
        "<= 2, same session", kill_worker),
    Row("worker-stopped", "worker stopped in order, started again", "15.5-15.7", "5.5-15.5",
        "<= 1.5, same session", stop_worker),
    Row("rolling", "rolling upgrade (SIGHUP)", "15.5-15.7", "5.5-15.5",
        "<= 1.5, same session", roll),
    Row("host-restarted", "all of a host stopped in order and started", "15.5-15.7", "5.5-15.5",
        "<= 1.5 once it listens, same session", restart_host),
    Row("worker-frozen", "worker SIGSTOP for good, supervisor alive", "64-85", "69-76",
        "<= 6, same session", freeze_worker),
    Row("host-killed", "whole host SIGKILL, not back", "33.6-36.2", "9.8-11.2",
        "elsewhere <= 1; client's timers", kill_host, True),
    Row("host-cut", "host cut off from the network", "67-86", "66-76",
        "elsewhere <= 9; client's timers", cut_host, True),
    Row("host-frozen", "whole host frozen 30 s", "64-85", "69-76",
        "elsewhere <= 9; client's timers", freeze_host, True),
    Row("leader-killed", "leader's host killed, never back", "never", "never",
        "no gap, no login > 1", kill_leader),
    Row("other-killed", "a non-owner killed", "0, logins hang 61", "", "0", kill_other),
    Row("other-frozen", "a non-owner frozen", "0, logins hang 61", "", "0", freeze_other),
    Row("drain", "drain of the owner's host", "-", "-", "client's retry; ours <= 0.5", drain, True),
    Row("drain-node", "drain of the owner, to its sibling", "-", "-", "<= 1.5; ours <= 0.5",
        drain_node, True),
    Row("hub-to-sibling", "hub moved to the owner's sibling", "-", "-", "<= 1.5; ours <= 0.5",
        move_to_sibling),
    Row("drained-killed", "drained to its sibling, which is killed", "-", "-", "<= 2, same session",
        kill_sibling, True),
    Row("drained-rolling", "drained to its sibling, then rolling upgrade", "-", "-",
        "<= 1.5, same session", roll_drained, True),
    Row("store-stopped", "Redis stopped 20 s and started", "-", "-",
        "no session ends, same owner", stop_store),
)  # fmt: skip


@contextmanager
def watching_owner(scene: Scene, measured: Measured) -> Iterator[None]:
    """Note when somebody serves the hub at a later epoch than now."""
    if not scene.owned:
        yield
        return
    before = scene.fleet.ownership(HUB)
    assert before is not None
    measured.owner_before = before.node
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            try:
                now = scene.fleet.ownership(HUB)
            except Exception:  # the store is away
                continue
            if now is not None and now.epoch > before.epoch and now.state == "active":
                measured.elsewhere_s = round(time.monotonic() - measured.struck_at, 2)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        with_owner = until(lambda: scene.fleet.ownership(HUB), "a record", 10)
        measured.owner_after = with_owner.node
