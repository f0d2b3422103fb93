"""What was recommended: counted after the answer, by bundle, in bounded memory, also in /metrics."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from service import answered
from service.answered import TOGETHER, Answered, Tally
from tests.service.world import Running


def test_items_are_counted_by_bundle() -> None:
    counts = Answered()
    assert counts.of("one") == Tally(0, {})
    counts.note("one", ["a", "b"])
    counts.note("one", ["a"])
    counts.note("two", [])
    assert counts.of("one") == Tally(2, {"a": 2, "b": 1})
    assert counts.of("two") == Tally(1, {})
    assert [counts.different(name) for name in ("one", "two", "three")] == [2, 0, 0]


def test_a_tally_is_a_copy() -> None:
    counts = Answered()
    counts.note("one", ["a"])
    before = counts.of("one")
    counts.note("one", ["b"])
    assert before == Tally(1, {"a": 1})
    assert counts.of("one").answers == 2


def test_the_two_bundles_answered_from_last_are_kept() -> None:
    counts = Answered()
    for name in ("one", "two", "one", "three"):
        counts.note(name, ["a"])
    assert [counts.of(name).answers for name in ("one", "two", "three")] == [2, 0, 1]


def test_further_items_are_not_counted_and_known_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answered, "ITEMS", 2)
    counts = Answered()
    for items in (["a", "b"], ["b", "c"], ["d"]):
        counts.note("one", items)
    assert counts.of("one") == Tally(3, {"a": 1, "b": 2})


def test_what_waits_is_counted_between_requests() -> None:
    async def note() -> list[int]:
        counts = Answered()
        waiting = []
        for _ in range(TOGETHER):
            counts.note("one", ["a"])
        waiting.append(len(counts._waiting))
        await asyncio.sleep(0)
        waiting.append(len(counts._waiting))
        return waiting

    assert asyncio.run(note()) == [TOGETHER, 0]


def test_answers_and_those_of_a_batch_count_and_nothing_else_does(
    fragile: Callable[..., Running], tmp_path: Path
) -> None:
    server = fragile(state=tmp_path / "state.sqlite")
    got = server.client.get("/catalogue/insight").json()["recommended"]
    assert (got["answers"], got["different"], got["coverage"], got["most"]) == (0, 0, 0.0, [])
    request = {"history": [{"item_id": "i1"}], "k": 4}
    first = server.post(**request).json()["items"]
    server.client.post("/recommend/batch", json={"requests": [request, {"k": 0}]}).raise_for_status()
    server.client.get("/items/i1/similar").raise_for_status()
    server.post(k=0)
    got = server.client.get("/catalogue/insight").json()["recommended"]
    assert (got["answers"], got["different"]) == (2, 4)
    assert got["coverage"] == pytest.approx(4 / 41)
    assert sorted(got["most"]) == sorted([item["title"], 2] for item in first)
    assert got["popular_share"] is None
    registry = server.recommender.metrics.registry
    assert registry.get_sample_value("laser_recommended_items") == 4
