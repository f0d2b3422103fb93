"""How the event loop asks a store, whose methods block: on a thread of its own, up to a deadline, behind a breaker.

    ask -> [breaker open? then unavailable at once] -> queue -> one call for all that wait -> [deadline] -> answer

Requests that wait together share a call: one commit, one round trip. After FAILURES in a row the breaker is open and
nobody is made to wait: each is told at once that the store is away, and every RETRY_SECONDS one job is handed to the
store all the same, behind the back of its request. When one of them is answered, the store is back.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from service.batcher import MicroBatcher, Observer
from service.store.protocol import StoreUnavailable
from service.tickets import ClosedError, Done, QueueFullError

FAILURES = 3
RETRY_SECONDS = 0.5
BREAKER_OPEN = "breaker_open"  # the reason of a refusal that asked nobody

Job = TypeVar("Job")
Result = TypeVar("Result")


class Breaker:
    """Counts failures in a row. Used on the event loop's thread alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._next_trial = 0.0

    @property
    def is_open(self) -> bool:
        """True while the store counts as away."""
        return self._failures >= FAILURES

    def tries(self) -> bool:
        """Where the breaker is open: is it time to find out again? True once in RETRY_SECONDS."""
        now = self._clock()
        if now < self._next_trial:
            return False
        self._next_trial = now + RETRY_SECONDS
        return True

    def succeeded(self) -> None:
        """The store answered."""
        self._failures = 0

    def failed(self) -> None:
        """It did not."""
        self._failures += 1
        if self._failures == FAILURES:
            self._next_trial = self._clock() + RETRY_SECONDS


class Lane(Generic[Job, Result]):
    """One thread on which `run` answers jobs, one result each, or raises StoreUnavailable for all of them."""

    def __init__(
        self,
        name: str,
        run: Callable[[Sequence[Job]], Sequence[Result]],
        observer: Observer,
        *,
        seconds: float,
        most_together: int,
        max_queue: int,
    ) -> None:
        self._run = run
        self._seconds = seconds
        self.breaker = Breaker()
        self._batcher: MicroBatcher[Job, Result | StoreUnavailable] = MicroBatcher(
            name, self._answer, observer, budget=most_together, wait_seconds=0.0, max_queue=max_queue
        )

    async def ask(self, job: Job, size: int = 1) -> Result:
        """The job's result within `seconds`.

        Raises StoreUnavailable, also when it takes longer, and QueueFullError. The job may be done after the former.
        """
        if self.breaker.is_open:
            if self.breaker.tries():
                self._try_behind(job, size)
            raise StoreUnavailable(BREAKER_OPEN)
        try:
            future = asyncio.wrap_future(self._batcher.submit(job, size))
            async with asyncio.timeout(self._seconds):  # wait_for of Python 3.11 may swallow a cancellation
                answer = (await future).value
        except TimeoutError as error:
            self.breaker.failed()
            raise StoreUnavailable("deadline") from error
        except ClosedError as error:
            raise StoreUnavailable("closed") from error
        if isinstance(answer, StoreUnavailable):
            self.breaker.failed()
            raise answer
        self.breaker.succeeded()
        return answer

    def _try_behind(self, job: Job, size: int) -> None:
        """Hand the job to the store; its answer closes the breaker."""

        def note(future: "asyncio.Future[Done[Result | StoreUnavailable]]") -> None:
            if future.cancelled() or future.exception() is not None:
                return
            if not isinstance(future.result().value, StoreUnavailable):
                self.breaker.succeeded()

        with suppress(ClosedError, QueueFullError):
            asyncio.wrap_future(self._batcher.submit(job, size)).add_done_callback(note)

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return self._batcher.waiting

    def close(self, timeout: float) -> None:
        """Finish what is queued and stop the thread."""
        self._batcher.close(timeout)

    def _answer(self, jobs: Sequence[Job]) -> Sequence[Result | StoreUnavailable]:
        """Not being available is a result: a failure would make the batcher try each job once more, alone."""
        try:
            return self._run(jobs)
        except StoreUnavailable as error:
            return [error] * len(jobs)
