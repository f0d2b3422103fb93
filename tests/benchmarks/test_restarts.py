"""Rolling restarts of real processes behind a balancer, a few of them; the program does fifty."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.restarts import Measured, checks, restart, row
from benchmarks.service_bench.client import Sample, post
from tests.service.world import write_bundle


@pytest.mark.slow
def test_replicas_are_replaced_under_load_and_no_request_fails(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    requests = [post("/recommend", {"history": [{"item_id": f"i{n}"}], "k": 3}) for n in range(9)]
    measured = asyncio.run(restart(tmp_path, requests, restarts=2, rate=10.0, seed=0))
    assert measured.statuses == [0, 0]
    assert len(measured.samples) >= 50
    assert measured.failures == 0


def test_fifty_restarts_without_a_failure_are_asked_for() -> None:
    samples = [Sample(200, 0.0, 0.1), Sample(0, 1.0, 0.1), Sample(503, 2.0, 0.2)]
    measured = Measured(samples, [0] * 49 + [-9], 100.0)
    assert [(check.value, check.passed) for check in checks(measured)] == [
        (50, True),
        (2, False),
        (1, False),
    ]
    assert row(measured)["statuses"] == "0: 1 200: 1 503: 1"
