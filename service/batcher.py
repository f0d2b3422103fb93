"""Micro-batching: requests that arrive together share one call on a worker thread.

    submit -> bounded queue -> [collect until the token budget is full or time is up] -> run -> futures

What it guarantees: a full queue refuses at once (QueueFullError), and it is full by number or by the time it would
take to work it off; the wait for company counts from the first request of a batch; a batch stays within the token
budget, a longer request runs alone; a request that was cancelled or whose deadline has passed is never run; when a
batch fails each of its requests is tried once alone, so only those that fail alone fail; every future is set, also when
the batcher closes or a worker dies. Several workers run a batch each at the same time; one of them collects while
the others run. It knows nothing of models: `run` maps jobs to results, one each.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from service.tickets import ClosedError, Done, QueueFullError, Ticket

Job = TypeVar("Job")
Result = TypeVar("Result")

MEMORY = 0.9  # of the past in the pace


class Ran(NamedTuple):
    """A batch that succeeded, as its observer is told. One entry a job in `waited` and `origins`."""

    tokens: int
    seconds: float
    waited: tuple[float, ...]  # seconds in the queue
    origins: tuple[object, ...]  # what the observer wanted to remember of whoever submitted the job


class Observer(Protocol):
    """Asked for an `origin` where a job is submitted; told of every batch, on the worker thread."""

    def origin(self) -> object: ...
    def batch(self, ran: Ran) -> None: ...
    def failure(self, jobs: int) -> None: ...


@dataclass
class Pace:
    """What a token takes, over the last batches; a large batch says more about it than a small one."""

    seconds: float = 0.0
    tokens: float = 0.0
    jobs: float = 0.0

    def note(self, jobs: int, tokens: int, seconds: float) -> None:
        """A batch of so many jobs, with so many tokens together, took so long."""
        self.seconds = MEMORY * self.seconds + seconds
        self.tokens = MEMORY * self.tokens + tokens
        self.jobs = MEMORY * self.jobs + jobs

    @property
    def seconds_per_token(self) -> float:
        """0 while nothing is known."""
        return self.seconds / self.tokens if self.tokens else 0.0

    @property
    def tokens_per_job(self) -> float:
        """0 while nothing is known."""
        return self.tokens / self.jobs if self.jobs else 0.0


class MicroBatcher(Generic[Job, Result]):
    """Worker threads that run jobs in batches. Create it, `submit` from any thread, `close` it."""

    def __init__(
        self,
        name: str,
        run: Callable[[Sequence[Job]], Sequence[Result]],
        observer: Observer,
        *,
        budget: int,
        wait_seconds: float,
        max_queue: int,
        max_wait_seconds: float = math.inf,
        workers: int = 1,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """`budget` is in tokens, the sum over a batch; `max_wait_seconds` is how long a new job may have to queue.

        With more than one of the `workers`, `run` is called from several threads at once; `begin` is called once on
        each of them.
        """
        self._observer = observer
        self._budget = budget
        self._wait_seconds = wait_seconds
        self._max_queue = max_queue
        self._max_wait_seconds = max_wait_seconds
        self._queue: deque[Ticket[Job, Result]] = deque()
        self._queued_tokens = 0
        self._changed = threading.Condition()
        self._closed = False
        self._pace = Pace()
        self.last_success = time.monotonic()
        self._turn = threading.Lock()  # held by the worker that collects
        self._threads = [
            # `run` is a method of what holds this batcher, most often: the two must not keep each other.
            threading.Thread(target=self._work, args=(begin, run), name=f"{name}-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, job: Job, tokens: int = 1, *, admitted: bool = False, deadline: float = math.inf
    ) -> "Future[Done[Result]]":
        """Queue a job of so many tokens; cancel the future before its batch runs and the job is skipped.

        Where its batch has not begun at the `deadline` (time.monotonic()), the future gets DeadlineError. Raises
        ClosedError, and QueueFullError unless the job was `admitted` before, by an earlier stage whose work would be
        lost.
        """
        ticket: Ticket[Job, Result] = Ticket(job, tokens, deadline, self._observer.origin())
        with self._changed:
            if self._closed:
                raise ClosedError("the batcher is closed")
            if not admitted:
                self._check_room()
            self._queue.append(ticket)
            self._queued_tokens += tokens
            self._changed.notify()
        return ticket.future

    def check_room(self, coming: int = 0) -> None:
        """Raises QueueFullError if a job would be refused that was submitted after so many `coming` ones."""
        with self._changed:
            self._check_room(coming)

    def forget_pace(self) -> None:
        """What has run so far says nothing of what comes: a first run is many times as slow."""
        self._pace = Pace()

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._queue)

    def close(self, timeout: float | None = None) -> None:
        """Take no more work, finish what is queued, stop the workers.

        What is left after `timeout` fails with ClosedError.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        ends = math.inf if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if timeout is None else max(0.0, ends - time.monotonic()))
        self._abandon()

    def _work(self, begin: Callable[[], None], run: Callable[[Sequence[Job]], Sequence[Result]]) -> None:
        batch: list[Ticket[Job, Result]] = []
        try:
            begin()
            while True:
                with self._turn:
                    batch = self._collect()
                if not batch:
                    break
                self._execute(run, batch)
        except BaseException as error:  # this thread is about to die: whoever waits has to know
            for ticket in batch:
                if not ticket.future.done():
                    ticket.future.set_exception(error)
            raise
        finally:
            self._abandon()

    def _collect(self) -> list[Ticket[Job, Result]]:
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
        return self._queued_tokens >= self._budget

    def _check_room(self, coming: int = 0) -> None:
        if self._is_crowded(coming):
            self._drop_dead()
        if self._is_crowded(coming):
            raise QueueFullError(max(1, math.ceil(self._queue_seconds(coming))))

    def _is_crowded(self, coming: int) -> bool:
        """No room for one more. An empty queue always has room, as those who come may need none."""
        if not self._queue:
            return False
        long = self._queue_seconds(coming) > self._max_wait_seconds
        return long or len(self._queue) + coming >= self._max_queue

    def _queue_seconds(self, coming: int) -> float:
        """How long the queue, with those who come, should take at the pace of the last batches."""
        tokens = self._queued_tokens + coming * self._pace.tokens_per_job
        return tokens * self._pace.seconds_per_token / len(self._threads)

    def _take(self) -> list[Ticket[Job, Result]]:
        """The queue's head: as many as fit the budget, at least one, none cancelled or late."""
        batch: list[Ticket[Job, Result]] = []
        total = 0
        while self._queue:
            ticket = self._queue[0]
            if not (dead := ticket.is_dead):
                if batch and total + ticket.tokens > self._budget:
                    break
                total += ticket.tokens
            self._queue.popleft()
            self._queued_tokens -= ticket.tokens
            if dead:
                ticket.bury()
            elif ticket.future.set_running_or_notify_cancel():
                batch.append(ticket)
        return batch

    def _drop_dead(self) -> None:
        alive: deque[Ticket[Job, Result]] = deque()
        for ticket in self._queue:
            if ticket.is_dead:
                ticket.bury()
            else:
                alive.append(ticket)
        self._queue = alive
        self._queued_tokens = sum(ticket.tokens for ticket in alive)

    def _execute(
        self, run: Callable[[Sequence[Job]], Sequence[Result]], batch: list[Ticket[Job, Result]]
    ) -> None:
        started = time.monotonic()
        try:
            results = run([ticket.job for ticket in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} jobs gave {len(results)} results")
        except Exception as error:
            self._observer.failure(len(batch))
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for ticket in batch:
                self._execute(run, [ticket])
            return
        self.last_success = ended = time.monotonic()
        ran = ended - started
        tokens = sum(ticket.tokens for ticket in batch)
        with self._changed:
            self._pace.note(len(batch), tokens, ran)
        waited = tuple(started - ticket.entered for ticket in batch)
        self._observer.batch(Ran(tokens, ran, waited, tuple(ticket.origin for ticket in batch)))
        for ticket, result in zip(batch, results, strict=True):
            ticket.future.set_result(Done(result, started - ticket.entered, ran))

    def _abandon(self) -> None:
        """Fail whatever is still queued: nobody will come for it."""
        with self._changed:
            self._closed = True
            self._changed.notify()  # another worker may wait for a job
            left, self._queue = self._queue, deque()
            self._queued_tokens = 0
        for ticket in left:
            if ticket.future.set_running_or_notify_cancel():
                ticket.future.set_exception(ClosedError("the service is shutting down"))
