"""/readyz: can a request be answered now? Found out by answering one: a real forward pass and a real search.

The result counts for a moment (LASER_READY_SECONDS), and probes that arrive together share one pass, so that
probing costs little. A full queue that moves is busy, not broken.
"""

import asyncio
import logging
import time

from service import logs
from service.recommender import Recommender
from service.serving import Serving
from service.tickets import QueueFullError

TIMEOUT = 5.0  # seconds until a probe that does not come back counts as a broken encoder


class Readiness:
    """Remembers the last check of the recommender in service."""

    def __init__(self, serving: Serving, fresh_seconds: float) -> None:
        self._serving = serving
        self._fresh_seconds = fresh_seconds
        self._checked = -float("inf")
        self._reason: str | None = None
        self._running: asyncio.Task[str | None] | None = None

    async def reason(self) -> str | None:
        """None if a request can be answered, else why not."""
        if time.monotonic() - self._checked < self._fresh_seconds:
            return self._reason
        if self._running is None:
            self._running = asyncio.create_task(self._probe())
        return await asyncio.shield(self._running)

    async def _probe(self) -> str | None:
        try:
            with self._serving.lease() as recommender:
                self._reason = await _attempt(recommender)
        finally:
            self._checked = time.monotonic()
            self._running = None
        return self._reason


async def _attempt(recommender: Recommender) -> str | None:
    try:
        await asyncio.wait_for(recommender.probe(), TIMEOUT)
    except QueueFullError:
        stuck = time.monotonic() - recommender.last_success > TIMEOUT
        return "The queue is full and does not move." if stuck else None
    except TimeoutError:
        return "The encoder does not come back."
    except Exception as error:
        logs.event(logging.ERROR, "not ready", **logs.describe(error))
        return "A forward pass failed."
    return None
