"""Limits by rate: a token bucket, told the time by its caller."""


class TokenBucket:
    """Let through `rate` things per second on average and `burst` at once; it starts full.

    In any span of t seconds at most `burst` + `rate` * t pass.
    """

    __slots__ = ("_filled_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._filled_at = float("-inf")

    def take(self, amount: int, now: float) -> bool:
        """Take `amount` tokens and return True, or leave the bucket alone and return False."""
        if now > self._filled_at:
            self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
            self._filled_at = now
        if amount > self._tokens:
            return False
        self._tokens -= amount
        return True
