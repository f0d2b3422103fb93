"""A lane and its breaker's neighbours: whoever stops waiting for a store stops at once, however close its answer is."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from service.metrics import BatchMetrics, Metrics
from service.store.lane import Lane

STEPS = 8  # turns of the event loop from the moment the store has answered until the asker has the answer, and more


@pytest.mark.parametrize("steps", range(STEPS))
def test_a_cancellation_is_never_lost(steps: int) -> None:
    """A loop that asks again and again could not be stopped otherwise, nor a request whose client has gone."""
    answered = threading.Event()

    def run(jobs: Sequence[int]) -> list[int]:
        answered.set()
        return list(jobs)

    lane: Lane[int, int] = Lane(
        "test", run, BatchMetrics("test", Metrics()), seconds=30.0, most_together=1, max_queue=9
    )

    async def ask_and_stop() -> bool:
        task = asyncio.create_task(lane.ask(1))
        await asyncio.sleep(0)
        assert answered.wait(5)
        for _ in range(steps):
            await asyncio.sleep(0)
        if not task.cancel():
            return True  # it had its answer before
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(ask_and_stop())
    lane.close(5)
