"""The batch job asks again for those for whom the service was too busy, and for no others."""

import asyncio
import importlib.util
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from laser_client import BatchAnswer, BatchResponse, Problem, RecommendRequest
from tests.examples.conftest import ROOT


@pytest.fixture
def job() -> ModuleType:
    spec = importlib.util.spec_from_file_location("batch_job", ROOT / "examples" / "batch_job.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def refused(status: int, code: str, retry_after: int | None = None) -> BatchAnswer:
    problem = Problem(
        type="t", title="T", status=status, code=code, field=None, detail="d", what_to_do="w", request_id="r"
    )
    return BatchAnswer(status=status, problem=problem, retry_after=retry_after)


class Busy:
    """Refuses the user "slow" a number of times, and "wrong" always."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked: list[list[str | None]] = []

    async def recommend_batch(self, requests: Sequence[RecommendRequest]) -> BatchResponse:
        items = [request.model_dump()["history"][0]["item_id"] for request in requests]
        self.asked.append(items)
        self.times -= 1
        busy = refused(429, "overloaded", 3) if self.times >= 0 else refused(422, "done")
        answers = {"slow": busy, "wrong": refused(422, "limit_exceeded")}
        return BatchResponse(request_id="r", answers=tuple(answers[str(item)] for item in items))


async def recommend(job: ModuleType, laser: Busy) -> list[Any]:
    users = {"a": ["slow"], "b": ["wrong"]}
    lines: list[Any] = await job.recommend(laser, users, asyncio.Semaphore(1))
    return lines


def test_only_the_busy_are_asked_for_again(job: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(job.asyncio, "sleep", sleep)
    laser = Busy(2)
    lines = asyncio.run(recommend(job, laser))
    assert laser.asked == [["slow", "wrong"], ["slow"], ["slow"]]
    assert slept == [3, 3]
    assert [(line.user_id, line.items, line.problem) for line in lines] == [
        ("a", [], "done"),
        ("b", [], "limit_exceeded"),
    ]


def test_it_gives_up_in_the_end(job: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        pass

    monkeypatch.setattr(job.asyncio, "sleep", sleep)
    laser = Busy(1000)
    lines = asyncio.run(recommend(job, laser))
    assert len(laser.asked) == job.ROUNDS == 20
    assert lines[0].problem == "overloaded"
