"""Verdicts on frames, remembered by flow.

Most frames belong to a flow that was judged before: then a verdict costs two slices and a look-up,
however many rules there are. What has no flow (`frame_facts.flow_key`) is judged anew each time.
At most `MAX_FLOWS` are remembered; a sender who makes flows up pays for each and costs no more.
"""

from collections.abc import Callable

from gateway.hub.frame_facts import Facts, read_facts

MAX_FLOWS = 2048

PASSES = ""
URGENT = "urgent"
"""Passes, and is left alone by limits of bandwidth. All other verdicts are reasons to drop, or name
an impairment or a redirection: the frame leaves its run, or changes in it."""


class Judge:
    """Asks `decide` about frames it does not know. A change of rules is a new judge."""

    __slots__ = ("_decide", "_flows", "_known")

    def __init__(self, decide: Callable[[Facts], str]) -> None:
        """`decide` answers PASSES, URGENT, a reason or an impairment, from facts that `flow_key`
        covers alone."""
        self._decide = decide
        self._flows: dict[bytes, dict[bytes | None, str]] = {}
        self._known = 0

    def flows(self, addresses: bytes) -> dict[bytes | None, str]:
        """Return the verdicts on flows between two stations, by key; to be looked into only.

        What it does not have, `judge` adds. Good until `judge` has been called.
        """
        flows = self._flows.get(addresses)
        if flows is None:
            if len(self._flows) >= MAX_FLOWS:
                self._flows.clear()
                self._known = 0
            flows = self._flows[addresses] = {}
        return flows

    def judge(self, flows: dict[bytes | None, str], key: bytes | None, frame: bytes) -> str:
        """Return the verdict on a frame of a flow that is not in `flows`."""
        facts = read_facts(frame)
        verdict = self._decide(facts)
        if key is not None and not facts.is_dhcp:
            if self._known >= MAX_FLOWS:
                for known in self._flows.values():
                    known.clear()
                self._known = 0
            flows[key] = verdict
            self._known += 1
        return verdict
