"""One request's identity and where its time went."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.requests import Request

SCOPE_KEY = "laser.trace"


class Timing(NamedTuple):
    """A stage once: when it began, by time.perf_counter(), and how long it took."""

    stage: str
    began: float
    seconds: float


@dataclass
class Trace:
    """`stages` holds seconds by name, in the order they came; the envelope prints and counts them.

    `timings` holds the same with a beginning, one for each time that a stage ran. The requests of a batch, each with a
    copy of the batch's trace, have the list in common.
    """

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    started_ns: int = field(default_factory=time.time_ns)
    stages: dict[str, float] = field(default_factory=dict)
    timings: list[Timing] = field(default_factory=list)
    deadline: float = math.inf  # time.monotonic() from which on an answer is of no use
    problem: str | None = None  # code of the problem that was the answer

    def elapsed(self) -> float:
        """Seconds since the request arrived."""
        return time.perf_counter() - self.started

    def nanoseconds(self, moment: float) -> int:
        """A time.perf_counter() of this request as nanoseconds since 1970."""
        return self.started_ns + int((moment - self.started) * 1e9)

    def note(self, stage: str, began: float, seconds: float) -> None:
        """A stage has run; one that runs again takes the sum of both."""
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds
        self.timings.append(Timing(stage, began, seconds))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.note(name, began, time.perf_counter() - began)


def trace_of(request: Request) -> Trace:
    """The trace that the envelope gave to this request."""
    trace: Trace = request.scope[SCOPE_KEY]
    return trace
