"""Until when an answer is worth making: LASER_DEADLINE_MS after the request came, or sooner if the client says so.

A client that gives up after 200 ms sends `X-Deadline-Ms: 200`. What has not begun by then is never done: the batchers
skip it, and the client gets 504, however long what is running still takes.
"""

import time
from typing import Annotated, cast

from fastapi import Header, params
from starlette.requests import Request

from service.settings import Settings
from service.trace import trace_of

LONGEST_MS = 600_000


DeadlineHeader = Annotated[
    int | None,
    Header(
        alias="X-Deadline-Ms",
        ge=1,
        le=LONGEST_MS,
        description="milliseconds the client will wait; a later answer is a 504",
    ),
]


async def set_deadline(request: Request, x_deadline_ms: DeadlineHeader = None) -> None:
    """A dependency: give the request's trace its deadline."""
    trace = trace_of(request)
    longest = cast(Settings, request.app.state.settings).deadline_ms
    allowed = longest if x_deadline_ms is None else min(longest, x_deadline_ms)
    trace.deadline = time.monotonic() - trace.elapsed() + allowed / 1000


def timed() -> params.Depends:
    """The dependency of routes that answer by a deadline."""
    return params.Depends(set_deadline)
