"""The parts of the benchmark that takes Redis away: what its figures count, how it sends, and a real server to stop."""

import asyncio
import math
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks._redis import RedisServer
from benchmarks.redis_bench.figures import Figures, Outage, checks, figures
from benchmarks.redis_bench.load import Answer, Kind, Load
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import load_settings
from tests.service.store.redis_server import needs_redis
from tests.service.world import running, write_bundle

OUTAGE = Outage("stopped", calm=0.0, gone=10.0, leaving=20.0, back=21.0, end=29.0)


def answer(kind: Kind, sent: float, ms: float = 10.0, **fields: Any) -> Answer:
    given: dict[str, Any] = {"status": 200, "items": 5} | fields
    return Answer(kind, sent, sent + ms / 1000, **given)


def away(kind: Kind, sent: float, ms: float = 10.0, **fields: Any) -> Answer:
    """As it has to be while Redis is gone."""
    refused: dict[str, Any] = {"status": 503, "retry_after": True, "items": 0}
    return answer(
        kind, sent, ms, **({"degraded": ("store",)} | (refused if kind == "write" else {}) | fields)
    )


GOOD = [
    *(answer("history", n / 10) for n in range(100)),
    *(away("history", 10 + n / 10, 30.0) for n in range(99)),
    *(away("alone", 10 + n) for n in range(9)),
    *(away("write", 10 + n) for n in range(9)),
    away("history", 21.1),
    away("write", 21.4),
    *(answer("history", 21.5 + n / 10) for n in range(70)),
]


def test_an_outage_that_went_as_it_should() -> None:
    found = figures(GOOD, OUTAGE)
    assert (found.asked, found.writes) == (99, 9)
    assert (found.failed, found.not_named, found.alone_not_answered, found.writes_not_refused) == (0, 0, 0, 0)
    assert (found.p99_before_ms, found.p99_gone_ms) == (pytest.approx(10), pytest.approx(30))
    assert found.recovery_s == pytest.approx(0.4)
    assert all(check.passed for check in checks([found], 0))


@pytest.mark.parametrize(
    ("bad", "counted"),
    [
        (away("history", 15.0, status=500), "failed"),
        (away("history", 15.0, status=0), "failed"),
        (away("history", 15.0, items=4), "failed"),
        (answer("history", 15.0), "not_named"),
        (answer("alone", 15.0), "alone_not_answered"),
        (away("alone", 15.0, status=422), "alone_not_answered"),
        (away("alone", 15.0, items=0), "alone_not_answered"),
        (away("write", 15.0, status=200), "writes_not_refused"),
        (away("write", 15.0, retry_after=False), "writes_not_refused"),
    ],
)
def test_each_answer_that_should_not_have_been_is_counted(bad: Answer, counted: str) -> None:
    found = figures([*GOOD, bad], OUTAGE)
    assert getattr(found, counted) == 1
    assert [check.name for check in checks([found], 0) if not check.passed] == [f"stopped_{counted}"]


def test_what_began_before_or_ended_after_is_no_part_of_an_outage() -> None:
    between = [
        away("history", 9.9, 200, status=500),
        answer("write", 19.9, 200),
        away("alone", 20.5, status=500),
    ]
    assert figures([*GOOD, *between], OUTAGE) == figures(GOOD, OUTAGE)


def test_it_is_well_again_when_a_whole_second_is() -> None:
    late = [away("history", 22.0), answer("history", 25.0, degraded=("store",))]
    assert figures([*GOOD, *late], OUTAGE).recovery_s == pytest.approx(1.0)
    never = [away("write", 21 + n / 2) for n in range(16)]
    assert figures([*GOOD, *never], OUTAGE).recovery_s == pytest.approx(8.0)


def test_an_outage_in_which_nothing_was_asked_proves_nothing() -> None:
    found = Figures("hanging", 0, 0, 0, 0, 0, 0, math.nan, math.nan, 0.0)
    by_name = {check.name: check for check in checks([found], 3)}
    assert by_name["hanging_failed"].passed is None
    assert by_name["hanging_p99_growth"].passed is None
    assert by_name["lost_writes"].passed is False


def test_requests_go_on_and_every_answer_is_kept(tmp_path: Path) -> None:
    settings = load_settings(bundles=write_bundle(tmp_path), device="cpu", store_read_ms=5000)

    async def body(url: str) -> list[Answer]:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            load = Load(client, [f"i{n}" for n in range(40)], seed=1)
            await load.prepare()
            async with load.running(reads=40, writes=40):
                while len({each.kind for each in load.answers}) < 3:
                    await asyncio.sleep(0.01)
            written = {each.event for each in load.answers if each.kind == "write"}
            assert await load.stored() == written
            return load.answers

    with running(settings, load_recommender(settings, Metrics())) as server:
        answers = asyncio.run(body(server.url))
    assert all(each.status == 200 and not each.degraded for each in answers)
    assert {each.items for each in answers if each.kind != "write"} == {5}
    assert all(each.done > each.sent for each in answers)


def test_a_service_that_is_not_there_is_an_answer_of_its_own() -> None:
    async def body() -> list[Answer]:
        async with httpx.AsyncClient(base_url="http://127.0.0.1:1") as client:
            load = Load(client, [f"i{n}" for n in range(40)], seed=1)
            async with load.running(reads=100, writes=100):
                while not load.answers:
                    await asyncio.sleep(0.01)
            return load.answers

    assert {each.status for each in asyncio.run(body())} == {0}


@needs_redis
def test_a_redis_that_is_stopped_or_paused_comes_back_with_what_it_had(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    assert not server.answers()
    server.start()
    try:
        server.client.set("kept", "yes")
        server.stop()
        assert not server.answers()
        server.start()
        assert server.client.get("kept") == b"yes"
        server.pause()
        started = time.monotonic()
        assert not server.answers()
        assert time.monotonic() - started >= 0.9  # it was asked, and waited for
        server.resume()
        assert server.answers()
    finally:
        server.stop()
