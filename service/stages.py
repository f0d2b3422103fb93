"""The two stages of an answer that have a thread each: encode and search, with batches of requests in them.

A request is admitted at the first stage it enters (429 where the queue is full); what the encoder's work went into is
not turned away by the search.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from service import logs
from service.batcher import ClosedError, Done, MicroBatcher, QueueFullError
from service.constraints import Constraint, Phrase
from service.encoding import EncodedUser, EncodeJob, UserEncoder
from service.errors import ApiError, Code
from service.history import Entry
from service.metrics import BatchMetrics, Metrics
from service.searching import Found, Searcher, SearchJob
from service.settings import Settings
from service.snapshot import Snapshot
from service.trace import Trace

SEARCH_BATCH = 32  # queries in one pass over the vectors

Job = TypeVar("Job")
Result = TypeVar("Result")


class Stages:
    """The encoder's thread and the search's. `close` them after the last request."""

    def __init__(self, users: UserEncoder, searcher: Searcher, settings: Settings, metrics: Metrics) -> None:
        self._users = users
        self._encoder = _batcher(
            "encode", users.run, settings, metrics, settings.batch_tokens, settings.batch_wait_ms
        )
        self._searcher = _batcher("search", searcher.run, settings, metrics, SEARCH_BATCH, 0.0)

    async def encode(self, job: EncodeJob, trace: Trace) -> EncodedUser:
        """The user of one request. Raises ApiError (429, 500, 503)."""
        future = _submit(self._encoder, job, self._users.tokens(job), False)
        try:
            done = await asyncio.wrap_future(future)
        except ClosedError as error:
            raise _closing() from error
        except Exception as error:
            logs.event(logging.ERROR, "encoding failed", request_id=trace.request_id, **logs.describe(error))
            raise ApiError(
                Code.ENCODING_FAILED, "The encoder could not turn this request into a vector."
            ) from error
        trace.stages["wait"], trace.stages["encode"] = done.waited, done.ran
        return done.value

    async def search(self, job: SearchJob, trace: Trace, *, admitted: bool) -> Found:
        """The best rows of one query. Raises ApiError (503; 429 unless it was `admitted` before)."""
        with trace.stage("search"):
            try:
                return (await asyncio.wrap_future(_submit(self._searcher, job, 1, admitted))).value
            except ClosedError as error:
                raise _closing() from error

    async def probe(self, snapshot: Snapshot) -> None:
        """One real forward pass and one real search. Raises whatever goes wrong in them."""
        done = await asyncio.wrap_future(self._encoder.submit(probe_job(snapshot)))
        search = SearchJob(snapshot, done.value.vector, 1, None, ())
        await asyncio.wrap_future(self._searcher.submit(search, admitted=True))

    def warm_up(self, snapshot: Snapshot, timeout: float) -> None:
        """What `probe` does, before there is an event loop."""
        done = self._encoder.submit(probe_job(snapshot)).result(timeout)
        self._searcher.submit(SearchJob(snapshot, done.value.vector, 1, None, ())).result(timeout)

    @property
    def waiting(self) -> dict[str, int]:
        """Jobs in the queue of each stage."""
        return {"encode": self._encoder.waiting, "search": self._searcher.waiting}

    @property
    def last_success(self) -> float:
        """time.monotonic() of the last forward pass that worked."""
        return self._encoder.last_success

    def close(self, timeout: float) -> None:
        """Finish what is queued and stop both threads."""
        self._encoder.close(timeout)
        self._searcher.close(timeout)


def _batcher(
    stage: str,
    run: Callable[[Sequence[Job]], Sequence[Result]],
    settings: Settings,
    metrics: Metrics,
    budget: int,
    wait_ms: float,
) -> MicroBatcher[Job, Result]:
    return MicroBatcher(
        f"laser-{stage}",
        run,
        BatchMetrics(stage, metrics),
        budget=budget,
        wait_seconds=wait_ms / 1000,
        max_queue=settings.max_queue,
    )


def probe_job(snapshot: Snapshot) -> EncodeJob:
    """A request that needs a whole forward pass: one item and a phrase."""
    return EncodeJob(snapshot, (Entry(0, 0, None),), Constraint(phrases=(Phrase("probe"),)))


def _submit(
    batcher: MicroBatcher[Job, Result], job: Job, tokens: int, admitted: bool
) -> "Future[Done[Result]]":
    """Queue a job, or say 429 or 503 at once."""
    try:
        return batcher.submit(job, tokens, admitted=admitted)
    except QueueFullError as full:
        raise ApiError(Code.OVERLOADED, "The queue is full.", retry_after=full.retry_after) from full
    except ClosedError as error:
        raise _closing() from error


def _closing() -> ApiError:
    return ApiError(Code.CLOSING, "This process takes no more requests.", retry_after=1)
