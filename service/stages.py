"""The two stages of an answer that have threads of their own: encode and search, with batches of requests in them.

Items that join the catalogue go through the encoder's threads too, a few at a time, between the requests. A request is
admitted at the first stage it enters (429 where the queue is full); what the encoder's work went into is
not turned away by the search. What was encoded before is not encoded again (user_cache.py), and where it is asked for,
a request that would be refused is answered without the encoder (fast_path.py).
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from service import logs
from service.access.rates import Rates
from service.batcher import MicroBatcher
from service.constraints import Constraint, Phrase
from service.encoding import EncodedUser, EncodeJob, Encoder, UserEncoder
from service.errors import ApiError, Code, too_late
from service.fast_path import fast_user
from service.history import Entry, Record
from service.item_encoding import TOGETHER, EncodedItem, ItemEncoder, ItemsJob, encode_items, tokens_of
from service.machine import usable_cores
from service.metrics import BatchMetrics, Metrics
from service.searching import Found, Searcher, SearchJob
from service.settings import Settings
from service.snapshot import Snapshot
from service.tickets import ClosedError, DeadlineError, Done, QueueFullError
from service.trace import Trace
from service.user_cache import UserCache, kept_of, key_of, user_of
from service.workers import Share

SEARCH_BATCH = 32  # queries in one pass over the vectors
READ_WHILE_FULL = 20.0  # requests a second, although the encoder's queue is full: they may need no encoder

Job = TypeVar("Job")
Result = TypeVar("Result")


class Stages:
    """The encoder's threads and the search's. `close` them after the last request."""

    def __init__(self, encoder: Encoder, searcher: Searcher, settings: Settings, metrics: Metrics) -> None:
        self._users = UserEncoder(encoder)
        self._max_history = encoder.max_history
        self._fast_path = settings.fast_path
        self._metrics = metrics
        metrics.queue_limit.set(settings.max_queue)
        self.cache = UserCache(int(settings.cache_mb * 2**20))
        self._item_encoder: ItemEncoder = encoder
        self._reading = Rates(READ_WHILE_FULL, None)
        self._coming: set[int] = set()  # which requests are between the envelope and the encoder's queue
        share = Share.of(usable_cores(), encoder.on_cpu, settings.encode_workers)
        self._encoder = _batcher(
            "encode",
            self._encode,
            settings,
            metrics,
            settings.batch_tokens,
            settings.batch_wait_ms,
            max_wait_seconds=settings.max_wait_ms / 1000,
            workers=share.workers,
            begin=partial(share.begin, encoder),
        )
        self._items = _batcher("items", self._encode_together, settings, metrics, TOGETHER, 0.0)
        self._searcher = _batcher("search", searcher.run, settings, metrics, SEARCH_BATCH, 0.0)

    async def encode(self, job: EncodeJob, trace: Trace) -> EncodedUser:
        """The user of one request. Raises ApiError (429, 500, 503, 504)."""
        self._coming.discard(id(trace))
        key, age = key_of(job, self._max_history), self.cache.age
        kept = self.cache.get(key)
        self._metrics.cache.labels("miss" if kept is None else "hit").inc()
        if kept is not None:
            return user_of(job, kept, self._max_history)
        try:
            future = self._encoder.submit(job, self._users.tokens(job), deadline=trace.deadline)
        except QueueFullError as full:
            fast = fast_user(job, self._max_history) if self._fast_path else None
            if fast is None:
                raise _overloaded(full) from full
            return fast
        except ClosedError as error:
            raise _closing() from error
        user = await self._encoded(future, trace)
        self.cache.put(key, kept_of(job, user), age)
        return user

    @contextmanager
    def coming(self, trace: Trace) -> Iterator[None]:
        """While a request is answered that may need the encoder.

        Raises ApiError (429) where its queue has no room for it, so that it is not even read. Those that were let in
        and are on their way to the queue count: under a flood there are many in one turn of the event loop.
        """
        if not self._fast_path:
            self._shed()
        self._coming.add(id(trace))
        try:
            yield
        finally:
            self._coming.discard(id(trace))

    def _shed(self) -> None:
        try:
            self._encoder.check_room(len(self._coming))
        except QueueFullError as full:
            if self._reading.take("requests") > 0:
                raise _overloaded(full) from full

    async def encode_items(self, records: Sequence[Record], *, admitted: bool = False) -> list[EncodedItem]:
        """Items, in order. Raises ApiError (503; 429 unless `admitted`), and whatever went wrong in the encoder."""
        futures = [
            asyncio.wrap_future(_submit(self._items, record, 1, admitted or place > 0))
            for place, record in enumerate(records)
        ]
        try:
            return [done.value for done in await asyncio.gather(*futures)]
        except ClosedError as error:
            raise _closing() from error

    async def search(self, job: SearchJob, trace: Trace, *, admitted: bool) -> Found:
        """The best rows of one query. Raises ApiError (503, 504; 429 unless it was `admitted` before)."""
        with trace.stage("search"):
            try:
                future = _submit(self._searcher, job, 1, admitted, trace.deadline)
                return (await asyncio.wrap_future(future)).value
            except ClosedError as error:
                raise _closing() from error
            except DeadlineError as error:
                raise too_late() from error

    async def probe(self, snapshot: Snapshot) -> None:
        """One real forward pass and one real search. Raises whatever goes wrong in them."""
        job = probe_job(snapshot)
        done = await asyncio.wrap_future(self._encoder.submit(job, self._users.tokens(job)))
        assert isinstance(done.value, EncodedUser)
        search = SearchJob(snapshot, done.value.vector, 1, None, ())
        await asyncio.wrap_future(self._searcher.submit(search, admitted=True))

    def warm_up(self, snapshot: Snapshot, timeout: float) -> None:
        """What `probe` does, before there is an event loop."""
        job = probe_job(snapshot)
        done = self._encoder.submit(job, self._users.tokens(job)).result(timeout)
        assert isinstance(done.value, EncodedUser)
        self._searcher.submit(SearchJob(snapshot, done.value.vector, 1, None, ())).result(timeout)
        self._encoder.forget_pace()  # or the first requests would be refused for a queue that seems long

    @property
    def waiting(self) -> dict[str, int]:
        """Jobs in the queue of each stage."""
        return {
            "encode": self._encoder.waiting,
            "items": self._items.waiting,
            "search": self._searcher.waiting,
        }

    @property
    def last_success(self) -> float:
        """time.monotonic() of the last forward pass that worked."""
        return self._encoder.last_success

    def close(self, timeout: float) -> None:
        """Finish what is queued and stop the threads."""
        self._items.close(timeout)
        self._encoder.close(timeout)
        self._searcher.close(timeout)

    async def _encoded(
        self, future: "Future[Done[EncodedUser | list[EncodedItem]]]", trace: Trace
    ) -> EncodedUser:
        """What the encoder's thread makes of a job. Raises ApiError (500, 503, 504)."""
        try:
            done = await asyncio.wrap_future(future)
        except ClosedError as error:
            raise _closing() from error
        except DeadlineError as error:
            raise too_late() from error
        except Exception as error:
            logs.event(logging.ERROR, "encoding failed", request_id=trace.request_id, **logs.describe(error))
            raise ApiError(
                Code.ENCODING_FAILED, "The encoder could not turn this request into a vector."
            ) from error
        began = time.perf_counter() - done.ran
        trace.note("wait", began - done.waited, done.waited)
        trace.note("encode", began, done.ran)
        assert isinstance(done.value, EncodedUser)
        return done.value

    def _encode(self, jobs: Sequence[EncodeJob | ItemsJob]) -> Sequence[EncodedUser | list[EncodedItem]]:
        """On one of the encoder's threads: the requests of a batch together, and then its items."""
        users = [job for job in jobs if isinstance(job, EncodeJob)]
        encoded = iter(self._users.run(users) if users else ())
        return [
            next(encoded) if isinstance(job, EncodeJob) else encode_items(self._item_encoder, job)
            for job in jobs
        ]

    def _encode_together(self, records: Sequence[Record]) -> Sequence[EncodedItem]:
        """Items that came together, as one job of the encoder's; waits for it."""
        job = ItemsJob(records)
        items = self._encoder.submit(job, tokens_of(job), admitted=True).result().value
        assert isinstance(items, list)
        return items


def _batcher(
    stage: str,
    run: Callable[[Sequence[Job]], Sequence[Result]],
    settings: Settings,
    metrics: Metrics,
    budget: int,
    wait_ms: float,
    *,
    max_wait_seconds: float = math.inf,
    workers: int = 1,
    begin: Callable[[], None] = lambda: None,
) -> MicroBatcher[Job, Result]:
    return MicroBatcher(
        f"laser-{stage}",
        run,
        BatchMetrics(stage, metrics),
        budget=budget,
        wait_seconds=wait_ms / 1000,
        max_queue=settings.max_queue,
        max_wait_seconds=max_wait_seconds,
        workers=workers,
        begin=begin,
    )


def probe_job(snapshot: Snapshot) -> EncodeJob:
    """A request that needs a whole forward pass: one item and a phrase."""
    return EncodeJob(snapshot, (Entry(0, 0, None),), Constraint(phrases=(Phrase("probe"),)))


def _submit(
    batcher: MicroBatcher[Job, Result], job: Job, tokens: int, admitted: bool, deadline: float = math.inf
) -> "Future[Done[Result]]":
    """Queue a job, or say 429 or 503 at once."""
    try:
        return batcher.submit(job, tokens, admitted=admitted, deadline=deadline)
    except QueueFullError as full:
        raise _overloaded(full) from full
    except ClosedError as error:
        raise _closing() from error


def _overloaded(full: QueueFullError) -> ApiError:
    return ApiError(Code.OVERLOADED, "The queue is full.", retry_after=full.retry_after)


def _closing() -> ApiError:
    return ApiError(Code.CLOSING, "This process takes no more requests.", retry_after=1)
