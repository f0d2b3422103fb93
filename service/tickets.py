"""A job in a batcher's queue, and how it can end without having run."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class QueueFullError(Exception):
    """No room; `retry_after` is the time in whole seconds in which the queue should be worked off."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full for about {retry_after} s")
        self.retry_after = retry_after


class DeadlineError(Exception):
    """The job's deadline passed before its batch began."""


class ClosedError(Exception):
    """The batcher takes no more work, or stopped before it came to this one."""


class Done(NamedTuple, Generic[Result]):
    """A result and where its time went, in seconds."""

    value: Result
    waited: float
    ran: float


@dataclass(eq=False, slots=True)
class Ticket(Generic[Job, Result]):
    """A job that waits, and the future of whoever waits for it."""

    job: Job
    tokens: int
    deadline: float  # time.monotonic()
    origin: object
    future: "Future[Done[Result]]" = field(default_factory=Future)
    entered: float = field(default_factory=time.monotonic)

    @property
    def is_dead(self) -> bool:
        """Nobody waits for it any more."""
        return self.future.cancelled() or self.deadline <= time.monotonic()

    def bury(self) -> None:
        """Tell whoever still waits that the deadline has passed."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(DeadlineError("the deadline passed in the queue"))
