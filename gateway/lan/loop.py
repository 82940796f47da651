r"""The loop guard of one bridge: when to probe, what a probe's return means, shut or open.

What loops, and what does not. A hub's instances on two gateways, each with a bridge to one LAN, are
a tree: no frame comes back. A loop needs a second way from the LAN into the same hub:

    LAN ═══ bridge ═══ hub           two bridges of a hub to one LAN
     ╚═════ bridge ══════╝

    LAN ═══ bridge ═══ hub ═══ cascade ═══╗      two instances bridged to one LAN and cascaded to
     ╚═════ bridge ═══ hub ═══════════════╝      each other, or a site that joins and is on the LAN

So a probe goes out into the LAN, travels as any broadcast does, and the loop is proven when the
same bridge is asked to send it out once more. Probes that come back *from* the LAN prove nothing
about the hub: some teamed network cards echo what they send. Nobody but ports that may join one
segment to another can close a loop: while a hub has one of those only, there is nothing to probe.

Who gives way. Every bridge on a loop sees its own probe return, and one of them is to shut. A shut
bridge still lets probes through, marked with its id. A probe that comes back marked tells that the
loop is cut already: so the first to notice shuts, and the others stay. If two noticed at the same
moment, both get their probes back marked by the other; the one with the lower id opens again, the
higher one, which is the younger, stays. Each shut bridge goes on probing and opens when for
`HEAL_S` no probe came back that nobody else with a higher id has marked. Who had to shut again
soon after opening waits twice as long each time.
"""

from collections import deque

from gateway.lan.probe import NOWHERE, Probe

EVERY_S = 1.0  # between two probes
STORM_S = 0.25  # the same, while the storm guard drops frames
HEAL_S = 3.0
LONGEST_S = 60.0  # before opening again, at most
CALM_S = 300.0  # open for so long: what was before is forgotten
REMEMBERED = 40  # probes: ten seconds of a storm's


class LoopGuard:
    """The guard of the bridge with id `port`; `source` is the MAC address its probes bear.

    Times are monotonic seconds, passed in.
    """

    def __init__(self, port: bytes, source: bytes) -> None:
        self.port = port
        self.is_shut = False
        self.reflected = 0
        """Own probes that came back from the LAN itself."""
        self._source = source
        self._nonces: deque[bytes] = deque(maxlen=REMEMBERED)
        self._probe_at = float("-inf")
        self._proven_at = float("-inf")  # when the last proof of a loop came
        self._changed_at = float("-inf")
        self._hold_s = HEAL_S

    def is_due(self, now: float, *, is_alone: bool, is_storm: bool) -> bool:
        """Say whether to probe now. `is_alone`: no other port of the hub could close a loop;
        `is_storm`: the storm guard dropped frames since the last question."""
        if is_alone and not self.is_shut:
            return False
        return now - self._probe_at >= (STORM_S if is_storm else EVERY_S)

    def hurry(self) -> None:
        """Let the next probe be due at once: something joined the hub."""
        self._probe_at = float("-inf")

    def make(self, nonce: bytes, now: float) -> Probe:
        """Return a probe to be sent now; `nonce` is eight random bytes."""
        self._probe_at = now
        self._nonces.append(nonce)
        return Probe(self._source, self.port, nonce)

    def is_own(self, probe: Probe) -> bool:
        """Say whether a probe is ours and not an old one."""
        return probe.port == self.port and probe.nonce in self._nonces

    def returned(self, probe: Probe, now: float) -> bool:
        """Take note of an own probe that is to leave by our port once more; shut if that proves a
        loop, and say whether that was now."""
        if probe.cut != NOWHERE and (not self.is_shut or probe.cut > self.port):
            return False  # cut elsewhere, and it stays so
        self._proven_at = now
        if self.is_shut:
            return False
        calm = now - self._changed_at > CALM_S
        self._hold_s = HEAL_S if calm else min(LONGEST_S, 2 * self._hold_s)
        self.is_shut = True
        self._changed_at = now
        return True

    def heals(self, now: float) -> bool:
        """Open if the loop is gone, or cut by another; say whether that was now."""
        since = max(self._proven_at, self._changed_at)
        if not self.is_shut or now - since < self._hold_s or self._probe_at < since:
            return False
        self.is_shut = False
        self._changed_at = now
        return True
