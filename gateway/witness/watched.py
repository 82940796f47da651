"""The side that is watched: whom it has named, and until when that one has promised to wait.

A promise counts only from the witness the store has confirmed: while a change of witness is under
way either may be entitled, so none of their promises does.
"""

from gateway.witness import TRUST_S
from gateway.witness.message import Kind, Message

KEPT = 16  # pings whose answers may still come


class Watched:
    """Times are seconds on the monotonic clock of the caller."""

    def __init__(self) -> None:
        self.node = ""
        self.inc = 0
        self.witness = ""
        self.witness_inc = 0
        """Named in the row as the store has it, for certain; empty: nobody yet."""
        self.promised_until = 0.0
        """Nobody accuses this node before."""
        self._sent: dict[int, float] = {}
        self._number = 0

    def confirm(self, node: str, inc: int, witness: str, witness_inc: int) -> None:
        """The store holds this. Empty `witness`: none may accuse this incarnation, or not for
        certain the one named before."""
        named = (node, inc, witness, witness_inc)
        if named != (self.node, self.inc, self.witness, self.witness_inc):
            self.node, self.inc, self.witness, self.witness_inc = named
            self.promised_until = 0.0
            self._sent.clear()

    def ping(self, now: float) -> Message | None:
        """Return what to send now; None while there is no witness."""
        if not self.witness:
            return None
        self._number += 1
        self._sent[self._number] = now
        if len(self._sent) > KEPT:
            del self._sent[next(iter(self._sent))]
        return Message(Kind.PING, self._number, self.node, self.inc, self.witness, self.witness_inc)

    def hear(self, message: Message) -> None:
        """Take a promise; whatever is not an answer to a ping of ours changes nothing."""
        asked = (self.node, self.inc, self.witness, self.witness_inc)
        if (message.node, message.inc, message.witness, message.witness_inc) != asked:
            return
        sent_at = self._sent.pop(message.number, None)
        if message.kind is Kind.PROMISE and sent_at is not None:
            self.promised_until = max(self.promised_until, sent_at + TRUST_S)
