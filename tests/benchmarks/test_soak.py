"""The soak's judgement: growth of memory and of time to answer; and that its traffic is what it says."""

import asyncio
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks._outcome import MISSED
from benchmarks.service_bench.client import Sample
from benchmarks.soak import Look, Measured, checks, growth, main, memory_slope, rows, soak, traffic
from tests.benchmarks.test_load_client import answer, server
from tests.service.world import write_bundle


def hour(slope: float, slower: float, statuses: tuple[int, ...] = (200,)) -> Measured:
    """An hour whose memory and times are higher in the warm-up, and then grow as told."""
    samples = [
        Sample(statuses[n % len(statuses)], float(n), 9.0 if n < 540 else 0.1 * (slower if n >= 2988 else 1))
        for n in range(3600)
    ]
    looks = [Look(float(n), 900.0 if n < 540 else 500 + slope * n / 3600) for n in range(0, 3600, 5)]
    return Measured(samples, looks, 0.0, 3600.0)


def test_memory_and_time_are_judged_after_the_warm_up() -> None:
    measured = hour(slope=4.0, slower=1.2)
    assert memory_slope(measured) == pytest.approx(4.0)
    assert growth(measured) == pytest.approx(1.2)
    assert {check.name: check.passed for check in checks(measured)} == {
        "hours": True,
        "memory slope": True,
        "median of the last fifth over that of the first": True,
        "failed requests": True,
    }


def test_growth_and_failures_are_noticed() -> None:
    found = {check.name: check for check in checks(hour(slope=6.0, slower=1.5, statuses=(200, 422, 500, 0)))}
    assert not found["memory slope"].passed
    assert not found["median of the last fifth over that of the first"].passed
    assert found["failed requests"].value == 1800  # 500 and no answer at all; a refusal is an answer


def test_a_run_too_short_for_a_line_measures_nothing() -> None:
    measured = Measured([], [Look(0.0, 1.0)], 0.0, 10.0)
    assert (memory_slope(measured), growth(measured)) == (None, None)
    assert [row["answers"] for row in rows(measured)] == [0] * 5


def test_rows_are_fifths_of_the_time_after_the_warm_up() -> None:
    table = rows(hour(slope=10.0, slower=2.0))
    assert [row["answers"] for row in table] == [612] * 5
    assert [row["p50_ms"] for row in table] == [100.0, 100.0, 100.0, 100.0, 200.0]
    assert table[0]["resident_mib"] == pytest.approx(503.2, abs=0.1)


def test_the_traffic_is_mixed_and_the_same_for_a_seed() -> None:
    requests = traffic(("a", "b", "c"), seed=1)
    assert requests == traffic(("a", "b", "c"), seed=1)
    lines = Counter(request.split(b" HTTP")[0].split(b"/user-")[0] for request in requests)
    assert set(lines) == {
        b"POST /recommend",
        b"POST /events",
        b"GET /items/nothing-has-this-id/similar",
        b"GET /readyz",
        b"DELETE /users",
    }
    assert lines[b"POST /recommend"] > lines[b"POST /events"] > lines[b"DELETE /users"] > 20


def test_it_loads_a_service_and_looks_at_its_memory_meanwhile() -> None:
    async def run() -> Measured:
        async with server(lambda _: answer(200)) as url:
            return await soak(url, os.getpid(), traffic(("a",), 0), rate=50.0, seconds=0.5, seed=0)

    measured = asyncio.run(run())
    assert len(measured.samples) > 5
    assert {sample.status for sample in measured.samples} == {200}
    assert len(measured.looks) >= 2
    assert measured.looks[0].resident > 10


@pytest.mark.slow
def test_a_short_run_fails_no_request_and_says_that_it_was_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--bundles", str(write_bundle(tmp_path)), "--minutes", "0.1", "--rate", "10"]
    assert main([*arguments, "--out", str(tmp_path)]) == MISSED
    outcome = json.loads(capsys.readouterr().out.splitlines()[-1])
    values = {check["name"]: check["value"] for check in outcome["checks"]}
    assert values["failed requests"] == 0
    assert values["hours"] < 1
    assert values["memory slope"] is not None
    assert sum(row["answers"] for row in outcome["rows"]) > 10
