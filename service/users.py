"""Users and their events, for the routes: the store asked without blocking, counted, timed, and with a way out.

Routes see the users of one tenant (`of`). The store knows a user by `tenant/user id`. No tenant's name has a slash, so
no two users of different tenants have one key, whatever their ids are.

A write says that the store is away (503) and never that it took what it may lose. A recommendation goes on without the
stored history, and says that it did.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import NamedTuple, TypeVar

from service import logs
from service.errors import ApiError, Code
from service.history import NOTHING_STORED, StoredHistory
from service.metrics import Metrics
from service.settings import Settings
from service.store.lane import BREAKER_OPEN, Lane
from service.store.lanes import open_lane
from service.store.protocol import Event, Outcome, Store, StoredEvent, StoreUnavailable
from service.tickets import QueueFullError
from service.trace import Trace

READ_TOGETHER = 64  # users in one call
APPEND_TOGETHER = 4096  # events in one commit, counted as the batcher pads them
RETRY_AFTER = 1  # seconds
CLOSE_SECONDS = 10.0
WARNINGS_SECONDS = 10.0  # how long a look at the store's configuration counts
PURGE_SECONDS = 30.0  # between two purges, and at least PURGE_SHARE times as long as the last one took
PURGE_SHARE = 20
AWAY = "The store of users and events does not answer."


class Deletion(NamedTuple):
    """A user to forget, at a time in milliseconds."""

    user_id: str
    now: int


History = tuple[StoredEvent, ...]
Job = TypeVar("Job")
Result = TypeVar("Result")


class TenantUsers:
    """What the routes may ask: of the users of one tenant, by the ids that this tenant gave them."""

    def __init__(self, users: "Users", tenant: str) -> None:
        self._users = users
        self._tenant = tenant

    async def stored_history(self, user_id: str | None, trace: Trace) -> StoredHistory:
        """See Users."""
        return await self._users.stored_history(None if user_id is None else self._key(user_id), trace)

    async def events(self, user_id: str) -> History:
        """See Users. Raises ApiError (429, 503)."""
        return await self._users.events(self._key(user_id))

    async def append(self, events: Sequence[Event]) -> list[Outcome]:
        """See Users. Raises ApiError (429, 503)."""
        return await self._users.append(
            [event._replace(user_id=self._key(event.user_id)) for event in events]
        )

    async def delete(self, user_id: str) -> int:
        """See Users. Raises ApiError (429, 503)."""
        return await self._users.delete(self._key(user_id))

    async def warnings(self) -> list[str]:
        """See Users; these are the same for all."""
        return await self._users.warnings()

    def _key(self, user_id: str) -> str:
        return f"{self._tenant}/{user_id}"


class Users:
    """One store behind lanes for reads, appends and deletions. Serve inside `running`, which closes the store."""

    def __init__(self, store: Store, settings: Settings, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._write_seconds = settings.store_write_ms / 1000
        reading, writing = settings.store_read_ms / 1000, self._write_seconds
        self._reads = open_lane(
            "read", store.histories, settings, metrics, seconds=reading, most_together=READ_TOGETHER
        )
        self._appends = open_lane(
            "append", self._append, settings, metrics, seconds=writing, most_together=APPEND_TOGETHER
        )
        self._deletes = open_lane("delete", self._delete, settings, metrics, seconds=writing, most_together=1)
        self._looked = -float("inf")
        self._warnings: list[str] = []

    def of(self, tenant: str) -> TenantUsers:
        """The users of a tenant."""
        return TenantUsers(self, tenant)

    async def stored_history(self, user_id: str | None, trace: Trace) -> StoredHistory:
        """What a recommendation starts from; `away` where the store could not be asked in time."""
        if user_id is None:
            return NOTHING_STORED
        try:
            with trace.stage("store"), self._metrics.store_seconds.labels("history").time():
                events = await self._reads.ask(user_id)
        except StoreUnavailable as error:
            self._failed("history", error)
            return StoredHistory(away=True)
        except QueueFullError:
            return StoredHistory(away=True)
        return StoredHistory(tuple(event.item_id for event in events))

    async def events(self, user_id: str) -> History:
        """A user's events, oldest first. Raises ApiError (429, 503)."""
        return await self._asked("user", self._reads, user_id)

    async def append(self, events: Sequence[Event]) -> list[Outcome]:
        """Store events; on disk when it returns. Raises ApiError (429, 503)."""
        outcomes = await self._asked("append", self._appends, events, len(events))
        for outcome in outcomes:
            self._metrics.events.labels(outcome).inc()
        return outcomes

    async def delete(self, user_id: str) -> int:
        """Forget a user; on disk when it returns how many events there were. Raises ApiError (429, 503)."""
        return await self._asked("delete", self._deletes, Deletion(user_id, time.time_ns() // 10**6))

    async def warnings(self) -> list[str]:
        """What stands against trusting the store now, a sentence each; looked at every WARNINGS_SECONDS."""
        if any(lane.breaker.is_open for lane in (self._reads, self._appends, self._deletes)):
            return [AWAY]
        if time.monotonic() - self._looked >= WARNINGS_SECONDS:
            try:
                look = asyncio.to_thread(self._store.warnings)
                self._warnings = await asyncio.wait_for(look, self._write_seconds)
            except (StoreUnavailable, TimeoutError):
                return [AWAY]
            self._looked = time.monotonic()
        return self._warnings

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Say in the log what `warnings` say, purge in the background what was deleted, and close at the end."""
        for warning in await self.warnings():
            logs.event(logging.WARNING, "store", warning=warning)
        purging = asyncio.create_task(self._purge_for_ever())
        try:
            yield
        finally:
            purging.cancel()
            await asyncio.wait({purging})
            await asyncio.to_thread(self._close)

    async def _purge_for_ever(self) -> None:
        pause = PURGE_SECONDS
        while True:
            await asyncio.sleep(pause)
            started = time.monotonic()
            try:
                await asyncio.to_thread(self._store.purge)
            except StoreUnavailable as error:
                self._failed("purge", error)
            pause = max(PURGE_SECONDS, PURGE_SHARE * (time.monotonic() - started))

    async def _asked(self, operation: str, lane: Lane[Job, Result], job: Job, size: int = 1) -> Result:
        """Ask a lane, timed; its refusals as ApiErrors."""
        try:
            with self._metrics.store_seconds.labels(operation).time():
                return await lane.ask(job, size)
        except StoreUnavailable as error:
            self._failed(operation, error)
            raise ApiError(Code.STORE_UNAVAILABLE, AWAY, retry_after=RETRY_AFTER) from error
        except QueueFullError as full:
            raise ApiError(Code.OVERLOADED, "The queue is full.", retry_after=full.retry_after) from full

    def _failed(self, operation: str, error: StoreUnavailable) -> None:
        self._metrics.store_failures.labels(operation, error.reason).inc()
        if error.reason != BREAKER_OPEN:  # one line for each attempt, none for each request
            logs.event(logging.WARNING, "store failed", operation=operation, reason=error.reason)

    def _append(self, jobs: Sequence[Sequence[Event]]) -> list[list[Outcome]]:
        """The events of all jobs in one commit."""
        outcomes = iter(self._store.append([event for events in jobs for event in events]))
        return [list(islice(outcomes, len(events))) for events in jobs]

    def _delete(self, jobs: Sequence[Deletion]) -> list[int]:
        return [self._store.delete(*job) for job in jobs]

    def _close(self) -> None:
        """Finish what is queued, then let go of the store."""
        for lane in (self._reads, self._appends, self._deletes):
            lane.close(CLOSE_SECONDS)
        self._store.close()
