"""Ten thousand conversations no honest client leads, beside two clients that notice nothing.

    alice ◄── numbered frames ──► bob          (one process, with the strangers)
      └────────── gateway ──────────┘
    strangers from 40 addresses ──┘            100 at once, from `tests/hostile/conversations.py`

Found by the first runs: a login whose client reset its connection was counted as nothing and kept
its session; TLS answers (new keys) piled up unsent; a stranger that never paused held the loop.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.conversations import MAKERS, conversation, conversations
from tests.hostile.gateway import ROOT, Gateway
from tests.stock.waiting import until

SEED = int(os.environ.get("ETHERFLEET_TEST_SEED", "20260131"))
COUNT = 10_000
WARM_UP = 3_000  # after these, pools are full and the allocator holds what a crowd needs
# What may be in use more than after the warm-up: caches and counters, and nothing per stranger.
HEAP_KIB, BLOCKS = 512, 20_000
# What allocators hold beyond that is noise: five runs in a row ended at 94, 94, 104, 98 and 98 MiB.
RSS_KIB = 48 * 1024
SETTINGS = """
[limits]
handshake_s = 3.0
[session]
timeout_s = 3.0
"""
TO_RETURN = ("greenlets", "active", "connections", "sessions", "openings", "engines")


def drive(gateway: Gateway, seed: int, count: int) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.hostile.drive"),
            *(str(gateway.tcp_port), str(seed), str(count)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("Traceback") == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def counted(gateway: Gateway) -> int:
    """Return how many connections were counted: as ended before a session, or as part of one."""
    gone = sum(n for reason, n in gateway.counts().items() if not reason.startswith("lost-"))
    return gone + gateway.fleet.traffic.hub("LAB").logins


def test_a_conversation_is_the_same_for_the_same_seed() -> None:
    assert list(conversations(SEED, 200)) == [conversation(SEED, n) for n in range(200)]
    assert {talk.kind for talk in conversations(SEED, 2000)} == set(MAKERS)


@pytest.mark.slow
def test_ten_thousand_conversations_harm_nobody(figure: Callable[[str, object], None]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ef-") as home,
        Gateway(Path(home), SETTINGS) as gateway,
    ):
        idle = gateway.census()
        drive(gateway, SEED + 1, WARM_UP)
        until(lambda: gateway.census()["sessions"] == 0, "the first sessions to end", 15, pause=0.5)
        before, counted_before = gateway.census(), counted(gateway)

        report = drive(gateway, SEED, COUNT)

        story = f"seed {SEED}: {report}"
        assert report["conversations"] == COUNT, story
        assert report["unended"] == [], story
        assert report["ragged"] == [], story
        healthy = report["healthy"]
        assert healthy["sent"] == healthy["received"], story
        assert (healthy["wrong"], healthy["resumed"]) == (0, 0), story

        def are_gone() -> bool:
            now = gateway.census()
            return all(now[name] <= idle[name] for name in TO_RETURN)

        until(are_gone, "everybody to be gone", 15, gateway.census, pause=0.5)
        after = gateway.census()
        grown = {name: after[name] - before[name] for name in after}
        assert grown["heap_kib"] < HEAP_KIB, (grown, story)
        assert grown["blocks"] < BLOCKS, (grown, story)
        assert grown["rss_kib"] < RSS_KIB, (grown, story)
        assert grown["files"] <= 2, (grown, story)
        until(
            lambda: counted(gateway) - counted_before + report["joined"] >= report["connections"],
            "every connection to be counted by reason",
            10,
            lambda: (counted(gateway), counted_before, story),
        )
        gateway.assert_no_fault()

        figure("seed", SEED)
        figure("conversations", f"{COUNT} in {report['seconds']} s")
        figure("frames of the healthy pair", f"{sum(healthy['sent'])}, none lost")
        figure("slowest of them", f"{healthy['slowest_s'] * 1000:.0f} ms")
        figure("growth, in use", f"{grown['heap_kib']:.0f} KiB, {grown['blocks']:.0f} blocks")
        figure("growth, resident", f"{grown['rss_kib']:.0f} KiB")
        figure("gateway's CPU", f"{grown['cpu_s']:.1f} s")
