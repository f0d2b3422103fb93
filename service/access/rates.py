"""How often a name may ask: a token bucket each, in memory, for this process.

A bucket holds `burst` tokens at most and gets `rate` of them a second; a request takes one. Both keys of a name draw on
one bucket, so that a rotation does not double what its holder may ask. With several replicas each counts for itself.

https://en.wikipedia.org/wiki/Token_bucket
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Bucket:
    tokens: float
    filled: float  # when `tokens` was right


class Rates:
    """One bucket for each name that has asked; names come from the file of keys, so they are few."""

    def __init__(
        self, rate: float | None, burst: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Requests a second for a name that has no limit of its own; None: no limit.

        `burst` is a second's worth where it is None.
        """
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, rate: float | None = None, burst: int | None = None) -> float:
        """Take a token. 0 where there was one, else the seconds until there is; then none is taken."""
        rate = rate or self._rate
        if rate is None:
            return 0.0
        most = float(burst or self._burst or max(1, math.ceil(rate)))
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(most, now))
        bucket.tokens = min(most, bucket.tokens + (now - bucket.filled) * rate)
        bucket.filled = now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / rate
        bucket.tokens -= 1
        return 0.0

    def owe(self, name: str, tokens: int) -> None:
        """Take tokens for work that was admitted as one request and is more; what the bucket lacks comes off later."""
        bucket = self._buckets.get(name)  # none where there is no limit
        if bucket is not None:
            bucket.tokens -= tokens
