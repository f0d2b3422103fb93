"""Following the pointer: what was published by a command, a re-index or another replica is soon in service here.

The pointer's file is looked at about once a second; it is read only when it is another file than before. A bundle that
was refused is tried again when the pointer changes, and now and then without that: it may have been restored.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from index.manifest import POINTER, BundleError
from service import logs
from service.errors import ApiError
from service.promotion import Promotions
from service.serving import Serving
from service.settings import Settings

AGAIN_SECONDS = 60.0  # until a refused bundle is tried again


class Stamp(NamedTuple):
    """Changes whenever the pointer does, which is always replaced by another file."""

    inode: int
    modified_ns: int
    size: int


class Follower:
    """Keeps one Serving at what the pointer names, unless the settings hold it to a bundle or switch this off."""

    def __init__(self, serving: Serving, promotions: Promotions, settings: Settings) -> None:
        self._serving = serving
        self._promotions = promotions
        self._root = settings.bundles
        self._seconds = settings.follow_seconds
        self._behind = serving.metrics.bundle_behind
        self._looked: Stamp | None = None
        self._again = float("inf")

    @property
    def follows(self) -> bool:
        """False where the pointer is never looked at."""
        return self._seconds > 0 and not self._promotions.pinned

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow in the background; leaving waits for a change that is on its way."""
        if not self.follows:
            yield
            return
        leaving = asyncio.Event()
        following = asyncio.create_task(self._follow(leaving))
        try:
            yield
        finally:
            leaving.set()
            await following

    async def look(self) -> None:
        """Look once, and change what is in service where the pointer says so. Raises nothing."""
        stamp = await asyncio.to_thread(_stamp, self._root / POINTER)
        if stamp == self._looked and time.monotonic() < self._again:
            return
        self._looked, self._again = stamp, float("inf")
        try:
            await self._promotions.adopt()
        except ApiError:
            self._again = time.monotonic() + AGAIN_SECONDS  # it has been logged where it was refused
        except (BundleError, OSError) as error:
            self._again = time.monotonic() + AGAIN_SECONDS
            reason = str(error) if isinstance(error, BundleError) else type(error).__name__
            logs.event(logging.ERROR, "pointer refused", serving=self._serving.bundle_id, reason=reason)
        self._behind.set(self._again < float("inf"))

    async def _follow(self, leaving: asyncio.Event) -> None:
        while not leaving.is_set():
            await self.look()
            try:
                await asyncio.wait_for(leaving.wait(), self._seconds)
            except TimeoutError:
                continue


def _stamp(pointer: Path) -> Stamp | None:
    """None where there is no pointer."""
    try:
        found = pointer.lstat()
    except OSError:
        return None
    return Stamp(found.st_ino, found.st_mtime_ns, found.st_size)
