"""Micro-batching: requests that arrive together share one call on one worker thread.

    submit -> bounded queue -> [collect until the token budget is full or time is up] -> run -> futures

What it guarantees: a full queue refuses at once (QueueFullError); the deadline counts from the first request
of a batch; a padded batch stays within the token budget, a longer request runs alone; a cancelled request is
never run; when a batch fails each of its requests is tried once alone, so only those that fail alone fail;
every future is set, also when the batcher closes or its thread dies. It knows nothing of models: `run` maps
jobs to results, one each.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

MEMORY = 0.9  # of the past in the running mean of seconds per job


class QueueFullError(Exception):
    """No room; `retry_after` is the time in whole seconds in which the queue should be worked off."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full for about {retry_after} s")
        self.retry_after = retry_after


class ClosedError(Exception):
    """The batcher takes no more work, or stopped before it came to this one."""


class Done(NamedTuple, Generic[Result]):
    """A result and where its time went, in seconds."""

    value: Result
    waited: float
    ran: float


class Observer(Protocol):
    """Told of every batch, on the worker thread."""

    def batch(self, jobs: int, padded_tokens: int, seconds: float) -> None: ...
    def failure(self, jobs: int) -> None: ...


@dataclass(eq=False, slots=True)
class _Ticket(Generic[Job, Result]):
    job: Job
    tokens: int
    future: "Future[Done[Result]]" = field(default_factory=Future)
    entered: float = field(default_factory=time.monotonic)


class MicroBatcher(Generic[Job, Result]):
    """One worker thread that runs jobs in batches. Create it, `submit` from any thread, `close` it."""

    def __init__(
        self,
        name: str,
        run: Callable[[Sequence[Job]], Sequence[Result]],
        observer: Observer,
        *,
        budget: int,
        wait_seconds: float,
        max_queue: int,
    ) -> None:
        self._run = run
        self._observer = observer
        self._budget = budget
        self._wait_seconds = wait_seconds
        self._max_queue = max_queue
        self._queue: deque[_Ticket[Job, Result]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._seconds_per_job = 0.0
        self.last_success = time.monotonic()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job, tokens: int = 1, *, admitted: bool = False) -> "Future[Done[Result]]":
        """Queue a job of so many tokens; cancel the future before its batch runs and the job is skipped.

        Raises ClosedError, and QueueFullError unless the job was `admitted` before, by an earlier stage whose
        work would be lost.
        """
        ticket: _Ticket[Job, Result] = _Ticket(job, tokens)
        with self._changed:
            if self._closed:
                raise ClosedError("the batcher is closed")
            if len(self._queue) >= self._max_queue:
                self._drop_cancelled()
            if len(self._queue) >= self._max_queue and not admitted:
                raise QueueFullError(max(1, math.ceil(len(self._queue) * self._seconds_per_job)))
            self._queue.append(ticket)
            self._changed.notify()
        return ticket.future

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._queue)

    def close(self, timeout: float | None = None) -> None:
        """Take no more work, finish what is queued, stop the thread.

        What is left after `timeout` fails with ClosedError.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)
        self._abandon()

    def _work(self) -> None:
        batch: list[_Ticket[Job, Result]] = []
        try:
            while batch := self._collect():
                self._execute(batch)
        except BaseException as error:  # this thread is about to die: whoever waits has to know
            for ticket in batch:
                if not ticket.future.done():
                    ticket.future.set_exception(error)
            raise
        finally:
            self._abandon()

    def _collect(self) -> list[_Ticket[Job, Result]]:
        """Wait for the next batch; its futures can no longer be cancelled.

        Empty only when closed and done.
        """
        with self._changed:
            while True:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if not self._queue:
                    return []
                deadline = self._queue[0].entered + self._wait_seconds
                while not self._closed and not self._is_full() and (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(left)
                if batch := self._take():
                    return batch

    def _is_full(self) -> bool:
        return len(self._queue) * max(ticket.tokens for ticket in self._queue) >= self._budget

    def _take(self) -> list[_Ticket[Job, Result]]:
        """The queue's head: as many as fit the budget padded to the longest, at least one, none cancelled."""
        batch: list[_Ticket[Job, Result]] = []
        longest = 0
        while self._queue:
            ticket = self._queue[0]
            if not ticket.future.cancelled():
                longest = max(longest, ticket.tokens)
                if batch and (len(batch) + 1) * longest > self._budget:
                    break
            self._queue.popleft()
            if ticket.future.set_running_or_notify_cancel():
                batch.append(ticket)
        return batch

    def _drop_cancelled(self) -> None:
        self._queue = deque(ticket for ticket in self._queue if not ticket.future.cancelled())

    def _execute(self, batch: list[_Ticket[Job, Result]]) -> None:
        started = time.monotonic()
        try:
            results = self._run([ticket.job for ticket in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} jobs gave {len(results)} results")
        except Exception as error:
            self._observer.failure(len(batch))
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for ticket in batch:
                self._execute([ticket])
            return
        self.last_success = time.monotonic()
        ran = self.last_success - started
        self._seconds_per_job = MEMORY * self._seconds_per_job + (1 - MEMORY) * ran / len(batch)
        self._observer.batch(len(batch), len(batch) * max(ticket.tokens for ticket in batch), ran)
        for ticket, result in zip(batch, results, strict=True):
            ticket.future.set_result(Done(result, started - ticket.entered, ran))

    def _abandon(self) -> None:
        """Fail whatever is still queued: nobody will come for it."""
        with self._changed:
            self._closed = True
            left, self._queue = self._queue, deque()
        for ticket in left:
            if ticket.future.set_running_or_notify_cancel():
                ticket.future.set_exception(ClosedError("the service is shutting down"))
