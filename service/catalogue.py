"""The live catalogue: changes become durable in the store's log, and every replica applies them in the log's order.

    put     encode -> append to the log -> apply up to its number -> reply
    delete            append to the log -> apply up to its number -> reply
    follow  what others appended, every TAIL_SECONDS

A reply therefore means: on disk, and in force here. Items are encoded before they are logged, so that what cannot be
encoded is refused and never met again. A recommender that enters service is first brought up to date from the change
its bundle ends with. A replica whose place in the log is lost is not ready until it has done the same.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import accumulate

from service import logs
from service.errors import ApiError, Code
from service.history import Record
from service.metrics import Metrics
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings
from service.store.changes import Change, ChangeLog, PositionLost, Tail
from service.store.lane import BREAKER_OPEN
from service.store.lanes import open_lane
from service.store.protocol import StoreUnavailable
from service.tickets import QueueFullError

TAIL_SECONDS = 0.1  # between two looks at the log
AGAIN_SECONDS = 0.5  # the same, while this replica is not up to date
TOGETHER = 500  # changes applied at a time, and read in one call
APPENDS = 64  # in one call
RETRY_AFTER = 1  # seconds
CLOSE_SECONDS = 10.0
AWAY = "The log of catalogue changes does not answer."
LOST = "This replica lost its place in the log of catalogue changes and starts again from its bundle."

Append = tuple[Sequence[Change], int]  # changes, and the number they shall come after


class LiveItems:
    """Changes of the catalogue that one Serving answers from. Serve inside `running`."""

    def __init__(self, log: ChangeLog, serving: Serving, settings: Settings, metrics: Metrics) -> None:
        self._log = log
        self._serving = serving
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._behind: str | None = AWAY  # why this replica is not ready; None once it is up to date
        self._last = 0  # number of the last change in the log, as far as is known here
        metrics.log_change.set_function(lambda: self._last)
        metrics.up_to_date.set_function(lambda: self._behind is None)
        seconds = settings.store_write_ms / 1000
        self._reads = open_lane("changes", self._read, settings, metrics, seconds=seconds, most_together=1)
        self._appends = open_lane(
            "change", self._append, settings, metrics, seconds=seconds, most_together=APPENDS
        )

    @property
    def reason(self) -> str | None:
        """Why this replica must not be asked; None where it is up to date, or was when the log last answered."""
        return self._behind

    @property
    def last(self) -> int:
        """The last change that the log is known to have. A recommender says itself how far it is."""
        return self._last

    async def put(self, records: Sequence[Record]) -> list[bool]:
        """Put items, of different ids; durable and applied when it returns. For each: was it new?

        Raises ApiError (429, 500, 503).
        """
        created, _ = await self.change(records, ())
        return created

    async def delete(self, item_ids: Sequence[str]) -> list[bool]:
        """Delete items, of different ids; durable and applied when it returns. For each: was it there?

        Raises ApiError (429, 503).
        """
        _, there = await self.change((), item_ids)
        return there

    async def change(
        self, records: Sequence[Record], item_ids: Sequence[str]
    ) -> tuple[list[bool], list[bool]]:
        """`put` and `delete` in one step, of different ids."""
        await self._prepare(records)
        if item_ids:
            await self._reach(0)  # what another replica has put must be known before it counts as not there
        with self._serving.lease() as recommender:
            before = recommender.snapshot.catalogue
        created = [before.row(str(record["item_id"])) is None for record in records]
        there = [before.row(item_id) is not None for item_id in item_ids]
        changes = [Change(str(record["item_id"]), _packed(record)) for record in records]
        changes += [Change(item_id, None) for item_id, was in zip(item_ids, there, strict=True) if was]
        if changes:
            await self._log_and_apply(changes)
        return created, there

    async def _prepare(self, records: Sequence[Record]) -> None:
        """Encode items. Raises ApiError (429, 500, 503)."""
        if not records:
            return
        with self._serving.lease() as recommender:
            try:
                await recommender.prepare(records)
            except ApiError:
                raise
            except Exception as error:
                logs.event(logging.ERROR, "encoding items failed", **logs.describe(error))
                raise ApiError(Code.ENCODING_FAILED, "The encoder could not read an item.") from error

    async def catch_up(self) -> None:
        """Apply what the log has, if it answers. Raises nothing."""
        try:
            async with self._turn:
                with self._serving.lease() as recommender:
                    await self._follow(recommender)
        except (StoreUnavailable, QueueFullError, PositionLost) as error:
            if _reason(error) != BREAKER_OPEN:
                self._metrics.store_failures.labels("changes", _reason(error)).inc()
                logs.event(logging.WARNING, "catalogue changes", reason=_reason(error))
        except Exception as error:
            self._behind = "A catalogue change cannot be applied."
            logs.event(logging.ERROR, "catalogue change failed", **logs.describe(error))

    @asynccontextmanager
    async def entering(self, new: Recommender) -> AsyncIterator[None]:
        """Bring a recommender up to date and keep it so until the block ends, in which it is taken into service.
        One that was here before goes on from where it is.

        Raises ApiError (503) where the log does not answer: what was deleted must not come back.
        """
        try:
            if not new.started:
                await self._start(new)
            async with self._turn:
                await self._follow(new)
                yield
        except (StoreUnavailable, QueueFullError, PositionLost) as error:
            raise ApiError(Code.STORE_UNAVAILABLE, AWAY, retry_after=RETRY_AFTER) from error

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Up to date if the log answers, and following it in the background."""
        await self.catch_up()
        following = asyncio.create_task(self._follow_for_ever())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait({following})
            await asyncio.to_thread(self._close)

    async def _follow_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TAIL_SECONDS if self._behind is None else AGAIN_SECONDS)
            await self.catch_up()

    async def _log_and_apply(self, changes: Sequence[Change]) -> None:
        """Raises ApiError (429, 503); sending the same again does no harm."""
        try:
            with self._metrics.store_seconds.labels("change").time():
                number = await self._appends.ask((changes, self._position()), len(changes))
        except StoreUnavailable as error:
            raise self._away("change", error) from error
        except QueueFullError as full:
            raise ApiError(Code.OVERLOADED, "The queue is full.", retry_after=full.retry_after) from full
        await self._reach(number)

    async def _reach(self, number: int) -> None:
        """Apply the log up to a number at least; 0: all of it. Raises ApiError (503)."""
        try:
            async with self._turn:
                if number and self._position() >= number:
                    return
                with self._serving.lease() as recommender:
                    await self._follow(recommender)
        except (StoreUnavailable, QueueFullError, PositionLost) as error:
            raise self._away("changes", error) from error

    async def _follow(self, recommender: Recommender) -> None:
        """Apply what came since. Raises StoreUnavailable, QueueFullError, PositionLost."""
        if not recommender.started:
            await self._start(recommender)
        while True:
            tail = await self._reads.ask(recommender.snapshot.change)
            if isinstance(tail, PositionLost):
                self._behind = LOST
                logs.event(logging.WARNING, "place in the log lost", change=recommender.snapshot.change)
                await self._start(recommender)
                continue
            self._last = tail.last
            if not tail.changes:
                self._behind = None
                return
            await recommender.apply(tail.changes, tail.changes[-1].number)

    async def _start(self, recommender: Recommender) -> None:
        """From the bundle on: the newest change of each item since."""
        first = recommender.bundle_change
        tail = await asyncio.to_thread(partial(self._log.net, first))
        if tail.last < first:  # another log than the bundle was made with: it must not give old numbers again
            await asyncio.to_thread(partial(self._log.append, (), first))
        for start in range(0, len(tail.changes), TOGETHER):
            part = tail.changes[start : start + TOGETHER]
            await recommender.apply(part, recommender.snapshot.change)
        await recommender.apply((), max(tail.last, first))
        recommender.started = True

    def _position(self) -> int:
        with self._serving.lease() as recommender:
            return recommender.snapshot.change

    def _away(self, operation: str, error: Exception) -> ApiError:
        self._metrics.store_failures.labels(operation, _reason(error)).inc()
        return ApiError(Code.STORE_UNAVAILABLE, AWAY, retry_after=RETRY_AFTER)

    def _read(self, positions: Sequence[int]) -> list[Tail | PositionLost]:
        """A lost position is an answer too: an exception would be taken for the store's."""
        return [self._after(position) for position in positions]

    def _after(self, position: int) -> Tail | PositionLost:
        try:
            return self._log.after(position, TOGETHER)
        except PositionLost as lost:
            return lost

    def _append(self, jobs: Sequence[Append]) -> list[int]:
        """All jobs in one commit; for each the number of its last change."""
        everything = [change for changes, _ in jobs for change in changes]
        last = self._log.append(everything, max(beyond for _, beyond in jobs))
        ends = accumulate(len(changes) for changes, _ in jobs)
        return [last - len(everything) + end for end in ends]

    def _close(self) -> None:
        for lane in (self._reads, self._appends):
            lane.close(CLOSE_SECONDS)


def _packed(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _reason(error: Exception) -> str:
    """A word for logs and metrics that quotes no data."""
    return error.reason if isinstance(error, StoreUnavailable) else type(error).__name__
