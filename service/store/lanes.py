"""Lanes as the service opens them: on a thread of their own name, their batches and their breaker in the metrics."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from service.metrics import BatchMetrics, Metrics
from service.settings import Settings
from service.store.lane import Lane

Job = TypeVar("Job")
Result = TypeVar("Result")


def open_lane(
    name: str,
    run: Callable[[Sequence[Job]], Sequence[Result]],
    settings: Settings,
    metrics: Metrics,
    *,
    seconds: float,
    most_together: int,
) -> Lane[Job, Result]:
    """See Lane. The metrics know it as `name`, its batches as `store_name`."""
    lane: Lane[Job, Result] = Lane(
        f"laser-store-{name}",
        run,
        BatchMetrics(f"store_{name}", metrics),
        seconds=seconds,
        most_together=most_together,
        max_queue=settings.max_queue,
    )
    metrics.waiting.labels(f"store_{name}").set_function(lambda: lane.waiting)
    metrics.store_up.labels(name).set_function(lambda: not lane.breaker.is_open)
    return lane
