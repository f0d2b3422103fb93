"""One request's identity and where its time went."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import Request

SCOPE_KEY = "laser.trace"


@dataclass
class Trace:
    """`stages` holds seconds by name, in the order they came; the envelope prints and counts them."""

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)
    deadline: float = math.inf  # time.monotonic() from which on an answer is of no use

    def elapsed(self) -> float:
        """Seconds since the request arrived."""
        return time.perf_counter() - self.started

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = time.perf_counter() - started


def trace_of(request: Request) -> Trace:
    """The trace that the envelope gave to this request."""
    trace: Trace = request.scope[SCOPE_KEY]
    return trace
