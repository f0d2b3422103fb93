"""When to ask again, and how long to wait before: pure functions of what came back.

Asked again: what could not be sent; what was refused as too much or as not now (429, 502, 503); and what got no answer
or a broken one. A call that is not idempotent is asked again only if it certainly was not sent. The wait is
what Retry-After says, at least, and a random part of a bound that doubles (full jitter: clients that were refused
together do not come back together).
"""

import math
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from laser_client.calls import A, Call

AGAIN = frozenset({429, 502, 503})
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Retry:
    """How often a call is asked at most, and how the bound of the random wait grows, in seconds.

    Where Retry-After asks for more than `longest`, the error is raised at once: `retry_after` says how long. Raises
    ValueError for less than one attempt, or waits below 0.
    """

    attempts: int = 4
    first: float = 0.25
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.first < 0 or self.longest < 0:
            raise ValueError(f"at least one attempt, and no wait below 0: {self}")


def may_repeat(call: Call[A], reply: httpx.Response | httpx.RequestError) -> bool:
    """Whether asking again could help, and would do no harm."""
    if isinstance(reply, httpx.Response):
        return call.idempotent and reply.status_code in AGAIN
    return call.idempotent or isinstance(reply, NOT_SENT)


def seconds_to_wait(retry: Retry, attempt: int, retry_after: float | None, chance: float) -> float:
    """Before asking for the time `attempt` + 1 (the first is 1); `chance` is a random number from 0 to 1."""
    bound = min(retry.longest, retry.first * math.ldexp(1, min(attempt - 1, 60)))
    return (retry_after or 0.0) + chance * bound


def retry_after(response: httpx.Response, now: float) -> float | None:
    """Seconds of Retry-After, which may be a number or a date (RFC 9110, 10.2.3); `now` is seconds since 1970.

    None without one, and for one that cannot be read.
    """
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None
