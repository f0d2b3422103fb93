"""A shadow: a second bundle answers a share of the requests beside the one in service, and nobody is shown its answers.

What is kept is how much the two lists have in common: in the metrics, and in a log line without a word of the user's.
The shadow is asked once the real answer is made, on threads of its own, and never while requests wait for the real
encoder or the shadow itself has enough to do: such a request is dropped from the comparison, not delayed.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from service import logs
from service.aside import load_aside
from service.errors import ApiError
from service.history import StoredHistory
from service.promotion import Entering, at_once, bring_up_to_date
from service.recommender import Recommender
from service.schemas import RecommendRequest, RecommendResponse
from service.serving import Serving
from service.settings import Settings
from service.trace import Trace

AT_ONCE = 2  # requests that the shadow answers at a time


class Beside(NamedTuple):
    """The bundle that answers in the shadow, and the share of requests it is asked."""

    bundle: str
    share: float


class Shadow:
    """Compares one Serving with another bundle. Use it on the event loop, inside `running`."""

    def __init__(
        self,
        serving: Serving,
        settings: Settings,
        entering: Entering = at_once,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`entering` brings the second recommender up to date, as for promotions; `draw` is uniform in [0, 1)."""
        self._serving = serving
        self._settings = settings
        self._metrics = serving.metrics
        self._entering = entering
        self._draw = draw
        self._one_at_a_time = asyncio.Lock()
        self._beside: Serving | None = None
        self._share = 0.0
        self._asked: set[asyncio.Task[None]] = set()

    @property
    def beside(self) -> Beside | None:
        """What is compared with; None where nothing is."""
        return None if self._beside is None else Beside(self._beside.bundle_id, self._share)

    async def start(self, bundle_id: str, share: float) -> None:
        """Compare with this bundle from now on. Raises ApiError (409), and then all is as before."""
        async with self._one_at_a_time:
            if self._beside is None or self._beside.bundle_id != bundle_id:
                new = await load_aside(self._serving, self._settings, self._entering, bundle_id, "shadow")
                await self._replace(new)
            self._share = share

    async def stop(self) -> None:
        """Compare with nothing any more, and free the bundle."""
        async with self._one_at_a_time:
            await self._replace(None)

    def compare(self, request: RecommendRequest, stored: StoredHistory, answer: RecommendResponse) -> None:
        """Ask the shadow the same, perhaps. Returns at once, and raises nothing."""
        beside = self._beside
        if beside is None or beside.bundle_id == answer.versions.bundle or self._draw() >= self._share:
            return
        if request.cursor is not None:  # a further page means something only to the bundle of the first
            return
        if len(self._asked) >= AT_ONCE or self._serving.waiting:
            self._metrics.shadow_requests.labels("dropped").inc()
            return
        task = asyncio.create_task(self._ask(beside, request, stored, answer))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Begin with the bundle that the settings name, once it is loaded; leaving frees it."""
        first = asyncio.create_task(self._start_as_set())
        try:
            yield
        finally:
            await first
            await self.stop()

    async def _start_as_set(self) -> None:
        if self._settings.shadow_bundle is not None:
            try:
                await self.start(self._settings.shadow_bundle, self._settings.shadow_share)
            except ApiError:
                return  # it has been logged and counted; the service does without

    async def _ask(
        self, beside: Serving, request: RecommendRequest, stored: StoredHistory, answer: RecommendResponse
    ) -> None:
        trace, plain = Trace(answer.request_id), request.model_copy(update={"explain": False})
        try:
            with beside.lease() as recommender:
                await bring_up_to_date(
                    self._entering, recommender
                )  # the catalogue may have changed since last time
                other = await recommender.recommend(plain, trace, stored)
        except Exception as error:
            self._metrics.shadow_requests.labels("failed").inc()
            logs.event(logging.WARNING, "shadow failed", request_id=answer.request_id, **logs.describe(error))
            return
        shared = overlap(*([item.item_id for item in each.items] for each in (answer, other)))
        self._metrics.shadow_requests.labels("compared").inc()
        self._metrics.shadow_overlap.observe(shared)
        logs.event(
            logging.INFO,
            "shadow",
            request_id=answer.request_id,
            bundle=answer.versions.bundle,
            shadow=other.versions.bundle,
            k=request.k,
            overlap=round(shared, 4),
            ms=round(trace.elapsed() * 1000, 2),
        )

    async def _replace(self, new: Recommender | None) -> None:
        old, self._beside = self._beside, None if new is None else Serving(new)
        self._metrics.shadow_bundle.clear()
        if new is not None:
            self._metrics.shadow_bundle.labels(new.versions.bundle).set(1)
        if old is not None:
            if self._asked:
                await asyncio.wait(self._asked)
            await asyncio.to_thread(old.close)


def overlap(shown: Sequence[str], other: Sequence[str]) -> float:
    """The share of the longer list that both have; 1 where both are empty."""
    longer = max(len(shown), len(other))
    return len(set(shown) & set(other)) / longer if longer else 1.0
