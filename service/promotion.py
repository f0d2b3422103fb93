"""Other bundles into service, one at a time: loaded and proven aside, swapped in between two requests.

    promote    load -> publish -> swap                      POST /admin/bundles/{id}/promote
    roll_back  the same with what was published before      POST /admin/bundles/rollback

Whatever goes wrong on the way is one refusal: counted, logged, told to whoever asked, and the old one goes on. Who
changes the pointer from outside is followed by following.py.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from index.bundle import BundleError
from index.bundle_pointer import current_id, earlier_of, point, published_ids, step_back
from index.manifest import check_id
from service import logs
from service.errors import ApiError, Code
from service.loading import StartupError, load_recommender
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings

Result = TypeVar("Result")
Publish = Callable[[], None]
Entering = Callable[[Recommender], AbstractAsyncContextManager[None]]


class Load(Protocol):
    """Makes a recommender that is ready to answer, or raises."""

    def __call__(self, bundle_id: str, beside: Recommender) -> Recommender: ...


class Promoted(NamedTuple):
    """What came of it. `bundle` is `before` where it was in service already."""

    bundle: str
    before: str
    seconds: float


@asynccontextmanager
async def at_once(new: Recommender) -> AsyncIterator[None]:
    """An `Entering` for a recommender that needs nothing more."""
    yield


async def bring_up_to_date(entering: Entering, beside: Recommender) -> None:
    """For a recommender that answers beside the one in service: nothing needs to be kept still, for no swap follows."""
    async with entering(beside):
        pass


class Promotions:
    """Changes what one Serving answers from. Use it on the event loop, inside `running`."""

    def __init__(
        self, serving: Serving, settings: Settings, load: Load | None = None, entering: Entering = at_once
    ) -> None:
        """`entering` is held around every swap: it brings the new one up to date, and keeps it so until it answers."""
        self._serving = serving
        self._settings = settings
        self._metrics = serving.metrics
        self._load = load or _loader(settings, serving)
        self._entering = entering
        self._one_at_a_time = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "laser-load")

    @property
    def pinned(self) -> bool:
        """True where the settings name the bundle: nothing else is ever served."""
        return self._settings.bundle is not None

    async def promote(self, bundle_id: str) -> Promoted:
        """Publish a bundle and answer from it. Raises ApiError (404, 409, 422, 503), and then nothing has changed."""
        self._refuse_if_pinned()
        root = self._settings.bundles
        try:
            check_id(bundle_id)
        except ValueError as error:
            raise ApiError(Code.INVALID_FIELD, f"{error}.", "bundle_id") from error
        if not os.path.lexists(root / bundle_id):
            raise ApiError(Code.BUNDLE_NOT_FOUND, f"There is no bundle {bundle_id!r}.", "bundle_id")
        async with self._one_at_a_time:
            return await self._bring(bundle_id, "promote", partial(point, root, bundle_id))

    async def roll_back(self) -> Promoted:
        """Publish again what was published before, and answer from it. Raises ApiError like `promote`."""
        self._refuse_if_pinned()
        root = self._settings.bundles
        async with self._one_at_a_time:
            try:
                seen = await self._aside(partial(published_ids, root))
                earlier = earlier_of(seen)
            except BundleError as error:
                raise ApiError(Code.NO_EARLIER_BUNDLE, f"{error}.") from error
            return await self._bring(earlier, "rollback", partial(step_back, root, seen))

    async def adopt(self) -> None:
        """Answer from what somebody else has published.

        Raises ApiError where that is refused, BundleError for a damaged pointer, OSError for one that cannot be read.
        """
        async with self._one_at_a_time:
            published = await self._aside(partial(current_id, self._settings.bundles))
            if published is not None:
                await self._bring(published, "pointer", lambda: None)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open for promotions; leaving waits for the one that is on its way."""
        try:
            yield
        finally:
            async with self._one_at_a_time:
                await asyncio.to_thread(self._thread.shutdown)

    async def _bring(self, bundle_id: str, how: str, publish: Publish) -> Promoted:
        """One change from start to end; nothing has changed where it raises."""
        started = time.monotonic()
        before = self._serving.bundle_id
        try:
            if bundle_id == before:
                await self._aside(partial(_published, publish))
            else:
                await self._change(bundle_id, publish)
        except Exception as error:
            refusal = refusal_of(error)
            self._metrics.bundle_refusals.labels(how).inc()
            fields = {"bundle": bundle_id, "how": how, "serving": before, "reason": refusal.detail}
            logs.event(logging.ERROR, "bundle refused", **fields, **logs.describe(error))
            raise refusal from error
        done = Promoted(bundle_id, before, time.monotonic() - started)
        if bundle_id != before:
            self._metrics.bundle_swaps.labels(how).inc()
            self._metrics.bundle_seconds.observe(done.seconds)
            fields = {"bundle": bundle_id, "how": how, "before": before, "seconds": f"{done.seconds:.3f}"}
            logs.event(logging.INFO, "bundle in service", **fields)
        return done

    async def _change(self, bundle_id: str, publish: Publish) -> None:
        new = await self._aside(partial(self._loaded, bundle_id))
        try:
            async with self._entering(new):
                await self._aside(partial(_published, publish))
                self._serving.swap(new)
        except BaseException:
            await self._aside(new.close)
            raise

    def _loaded(self, bundle_id: str) -> Recommender:
        with self._serving.lease() as beside:
            return self._load(bundle_id, beside)

    async def _aside(self, work: Callable[[], Result]) -> Result:
        """On this object's own thread: the event loop goes on answering."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _refuse_if_pinned(self) -> None:
        if self.pinned:
            raise ApiError(
                Code.BUNDLE_PINNED, f"LASER_BUNDLE holds this process to {self._settings.bundle!r}."
            )


def _loader(settings: Settings, serving: Serving) -> Load:
    def load(bundle_id: str, beside: Recommender) -> Recommender:
        return load_recommender(settings, serving.metrics, bundle_id, beside)

    return load


def _published(publish: Publish) -> None:
    try:
        publish()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ApiError(Code.BUNDLES_NOT_WRITABLE, f"The pointer cannot be written: {reason}.") from error


def refusal_of(error: Exception) -> ApiError:
    """What whoever asked is told."""
    if isinstance(error, ApiError):
        return error
    known = isinstance(error, StartupError | BundleError)
    return ApiError(
        Code.BUNDLE_REFUSED, f"{error}." if known else f"Loading it failed: {type(error).__name__}."
    )
