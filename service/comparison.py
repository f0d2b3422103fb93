"""Another bundle's answer to the same request, for a person who looks at the two side by side.

    lease -> the bundle asked for, whole, for one request; loaded aside first where it is not in memory

At most one is in memory beside the one in service. It is freed when another one is asked for and its last request is
answered, or when nobody has asked it for some minutes. Loading takes seconds: whoever waits longer than PATIENCE is
told to ask again, and the loading goes on.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple

from index.bundle_listing import listing
from service.aside import load_aside
from service.errors import ApiError, Code
from service.machine import available_memory
from service.memory import give_back_memory
from service.promotion import Entering, at_once, bring_up_to_date
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings

IDLE_SECONDS = 300.0  # unused, until it is freed
PATIENCE_SECONDS = 4.0  # of one request, while a bundle is loaded
ROOM = 2.0  # times its files' size is what a bundle may take in memory
MB = 10**6

Available = Callable[[], int | None]


class _Held:
    """The bundle beside, and the requests that hold it."""

    def __init__(self, recommender: Recommender) -> None:
        self.recommender = recommender
        self.bundle_id = recommender.versions.bundle
        self.leases = 0
        self.unused = asyncio.Event()
        self.unused.set()


class _Loading(NamedTuple):
    bundle_id: str
    task: asyncio.Task[None]


class Comparison:
    """Answers from bundles beside the one of a Serving. Use it on the event loop, inside `running`."""

    def __init__(
        self,
        serving: Serving,
        settings: Settings,
        entering: Entering = at_once,
        idle_seconds: float = IDLE_SECONDS,
        available: Available = available_memory,
    ) -> None:
        """`entering` brings a recommender up to date, as for promotions; `available` says how many bytes are left."""
        self._serving = serving
        self._settings = settings
        self._entering = entering
        self._idle_seconds = idle_seconds
        self._available = available
        self._held: _Held | None = None
        self._loading: _Loading | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._freeing: set[asyncio.Task[None]] = set()

    @property
    def bundle_id(self) -> str | None:
        """The bundle in memory beside the one in service."""
        return None if self._held is None else self._held.bundle_id

    @asynccontextmanager
    async def lease(self, bundle_id: str) -> AsyncIterator[Recommender]:
        """The recommender of this bundle, as up to date as the one in service, whole until the block ends.

        Raises ApiError: 404, 409, and 503 while it is being loaded or where the memory for it is missing.
        """
        with self._serving.lease() as current:
            if current.versions.bundle == bundle_id:
                yield current
                return
        held = await self._hold(bundle_id)
        held.leases += 1
        held.unused.clear()
        try:
            await bring_up_to_date(self._entering, held.recommender)
            yield held.recommender
        finally:
            held.leases -= 1
            if not held.leases:
                held.unused.set()
                self._free_later()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open for requests; leaving frees what is in memory."""
        try:
            yield
        finally:
            if self._loading is not None:
                await asyncio.wait({self._loading.task})
            await self._free()
            await asyncio.gather(*self._freeing)

    async def _hold(self, bundle_id: str) -> _Held:
        """The bundle in memory, for as long as the caller does not await. Raises ApiError."""
        until = time.monotonic() + PATIENCE_SECONDS
        while self._held is None or self._held.bundle_id != bundle_id:
            if self._loading is None:
                task = asyncio.create_task(self._replace(bundle_id))
                task.add_done_callback(_looked_at)
                self._loading = _Loading(bundle_id, task)
            loading = self._loading
            done, _ = await asyncio.wait({loading.task}, timeout=max(until - time.monotonic(), 0))
            if not done:
                raise ApiError(Code.BUNDLE_LOADING, "It is not in memory yet.", retry_after=1)
            if self._loading is loading:
                self._loading = None
            if loading.bundle_id == bundle_id:
                loading.task.result()
        return self._held

    async def _replace(self, bundle_id: str) -> None:
        """Raises ApiError; then there is nothing in memory."""
        size = await asyncio.to_thread(partial(self._size, bundle_id))
        await self._free()
        self._check_room(size)
        new = await load_aside(self._serving, self._settings, self._entering, bundle_id, "comparison")
        self._held = _Held(new)
        self._free_later()

    def _size(self, bundle_id: str) -> int:
        """Bytes of its files, by its manifest. Raises ApiError (404); loading says what else is wrong with it."""
        root = self._settings.bundles
        if not os.path.lexists(root / bundle_id):
            raise ApiError(Code.BUNDLE_NOT_FOUND, f"There is no bundle {bundle_id!r}.", "bundle_id")
        return next((each.bytes for each in listing(root).bundles if each.bundle_id == bundle_id), 0)

    def _check_room(self, size: int) -> None:
        left, needed = self._available(), int(ROOM * size)
        if left is not None and left < needed:
            detail = f"Loading it may take {needed // MB} MB beside the bundle in service; {left // MB} MB are left."
            raise ApiError(Code.MEMORY_MISSING, detail)

    def _free_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire)

    def _expire(self) -> None:
        if self._held is not None and not self._held.leases:
            task = asyncio.create_task(self._free())
            self._freeing.add(task)
            task.add_done_callback(self._freeing.discard)

    async def _free(self) -> None:
        """Nobody new gets it; who has it keeps it to the end of the request."""
        held, self._held = self._held, None
        if self._timer is not None:
            self._timer.cancel()
        if held is not None:
            await held.unused.wait()
            await asyncio.to_thread(held.recommender.close)
            del held
            await asyncio.to_thread(give_back_memory)


def _looked_at(task: asyncio.Task[None]) -> None:
    """Who asked may have gone: asyncio would complain of an error that nobody looked at."""
    with suppress(asyncio.CancelledError):
        task.exception()
