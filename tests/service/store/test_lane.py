"""The way to a store: deadlines, what is shared, and when nobody is made to wait any more."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from service.metrics import BatchMetrics, Metrics
from service.store.lane import FAILURES, RETRY_SECONDS, Breaker, Lane
from service.store.protocol import StoreUnavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_opens_after_failures_in_a_row_alone() -> None:
    breaker = Breaker(Clock())
    for _ in range(FAILURES - 1):
        breaker.failed()
    breaker.succeeded()
    for _ in range(FAILURES - 1):
        breaker.failed()
    assert not breaker.is_open
    breaker.failed()
    assert breaker.is_open
    assert not breaker.tries()


def test_an_open_breaker_tries_now_and_then_until_it_is_closed() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed()
    clock.now += RETRY_SECONDS
    assert [breaker.tries(), breaker.tries()] == [True, False]
    clock.now += RETRY_SECONDS
    assert breaker.tries()
    breaker.succeeded()
    assert not breaker.is_open


class Store:
    """Doubles numbers; waits at a gate, and fails on request."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.away = False

    def run(self, jobs: Sequence[int]) -> list[int]:
        self.calls.append(list(jobs))
        assert self.gate.wait(10)
        if self.away:
            raise StoreUnavailable("away")
        return [2 * job for job in jobs]


Body = Callable[["Lane[int, int]", Store], Coroutine[Any, Any, None]]


def with_lane(body: Body, seconds: float = 10.0) -> None:
    store = Store()
    observer = BatchMetrics("store_read", Metrics())
    lane: Lane[int, int] = Lane("test", store.run, observer, seconds=seconds, most_together=8, max_queue=16)
    try:
        asyncio.run(body(lane, store))
    finally:
        store.gate.set()
        lane.close(10)


async def reason(lane: Lane[int, int]) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await lane.ask(1)
    return caught.value.reason


def test_those_who_wait_together_share_a_call() -> None:
    async def body(lane: Lane[int, int], store: Store) -> None:
        store.gate.clear()
        first = asyncio.create_task(lane.ask(1))
        while not store.calls:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(lane.ask(n)) for n in (2, 3, 4)]
        await asyncio.sleep(0)
        store.gate.set()
        assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
        assert store.calls == [[1], [2, 3, 4]]

    with_lane(body)


def test_a_store_that_is_away_is_asked_once_for_all_who_wait() -> None:
    async def body(lane: Lane[int, int], store: Store) -> None:
        store.away = True
        store.gate.clear()
        first = asyncio.create_task(lane.ask(1))
        while not store.calls:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(lane.ask(n)) for n in (2, 3, 4)]
        await asyncio.sleep(0)
        store.gate.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 4
        assert store.calls == [[1], [2, 3, 4]]  # no job was tried again alone

    with_lane(body)


def test_a_store_that_hangs_costs_the_deadline_and_then_nothing() -> None:
    async def body(lane: Lane[int, int], store: Store) -> None:
        store.gate.clear()
        assert [await reason(lane) for _ in range(FAILURES)] == ["deadline"] * FAILURES
        assert await reason(lane) == "breaker_open"
        assert lane.breaker.is_open
        assert store.calls == [[1]]  # the others never left the queue
        await asyncio.sleep(RETRY_SECONDS)
        assert [await reason(lane), await reason(lane)] == [
            "breaker_open"
        ] * 2  # one is tried, and neither waits
        store.gate.set()
        while lane.breaker.is_open:
            await asyncio.sleep(0.001)
        assert store.calls == [[1], [1]]
        assert await lane.ask(7) == 14

    with_lane(body, seconds=0.05)


def test_a_fault_of_our_own_is_no_absence_of_the_store() -> None:
    async def body(lane: Lane[int, int], store: Store) -> None:
        with pytest.raises(TypeError):
            await lane.ask(None)  # type: ignore[arg-type]
        assert not lane.breaker.is_open

    with_lane(body)


def test_a_closed_lane_is_not_available() -> None:
    async def body(lane: Lane[int, int], store: Store) -> None:
        lane.close(10)
        assert await reason(lane) == "closed"

    with_lane(body)
