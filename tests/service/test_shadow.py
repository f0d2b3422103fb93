"""The shadow: asked a share of the requests, never shown, never waited for; what it has in common is counted."""

import asyncio
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from service.history import NOTHING_STORED
from service.loading import load_recommender
from service.logs import JsonFormatter
from service.metrics import Metrics
from service.schemas import HistoryItem, RecommendRequest
from service.serving import Serving
from service.settings import Settings
from service.shadow import AT_ONCE, Shadow, overlap
from service.trace import Trace
from tests.service.test_bad_input import refused
from tests.service.world import Running, Start, wait_until

HISTORY = [{"item_id": "i1"}]


def value(server: Running, name: str, **labels: str) -> float:
    return server.recommender.metrics.registry.get_sample_value(name, labels) or 0.0


def compared(server: Running) -> float:
    return value(server, "laser_shadow_requests_total", outcome="compared")


def test_the_overlap_is_the_share_of_the_longer_list() -> None:
    assert overlap(["a", "b", "c", "d"], ["d", "x", "a", "y"]) == 0.5
    assert overlap(["a", "b"], ["b", "a"]) == 1.0
    assert overlap(["a", "b", "c"], ["a"]) == pytest.approx(1 / 3)
    assert overlap(["a"], []) == 0.0
    assert overlap([], []) == 1.0


def test_a_shadow_is_asked_and_not_shown(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = start()
    before = server.post(history=HISTORY, constraint="pssst", k=10).json()["items"]
    put = server.client.put("/admin/shadow", json={"bundle": "third", "share": 1.0})
    assert put.json() == {"bundle": "third", "share": 1.0}
    with caplog.at_level(logging.DEBUG, logger="laser"):
        answer = server.post(history=HISTORY, constraint="pssst", k=10).json()
        wait_until(lambda: compared(server) == 1)
    assert answer["items"] == before
    assert answer["versions"]["bundle"] == "first"
    found = {item["item_id"] for item in before}
    assert value(server, "laser_shadow_overlap_count") == 1
    share = value(server, "laser_shadow_overlap_sum")
    assert 0 < share < 1
    assert share <= len(found & {f"i{n}" for n in range(20)}) / 10 + 1e-9
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name == "laser"]
    assert not [line for line in lines if "pssst" in line]
    [said] = [line for line in map(json.loads, lines) if line["event"] == "shadow"]
    assert (said["bundle"], said["shadow"], said["k"]) == ("first", "third", 10)
    assert (said["overlap"], said["request_id"]) == (round(share, 4), answer["request_id"])
    counters = ("laser_shortfalls_total", "laser_unknown_items_total")
    assert [value(server, name) for name in counters] == [0, 0], "the shadow counts elsewhere"


def test_the_same_items_in_the_same_order_overlap_wholly(start: Start) -> None:
    server = start(shadow_bundle="second", shadow_share=1.0)
    wait_until(lambda: server.client.get("/admin/shadow").json() == {"bundle": "second", "share": 1.0})
    assert value(server, "laser_shadow_bundle_info", bundle="second") == 1
    server.post(history=HISTORY, k=10, explain=True)
    wait_until(lambda: compared(server) == 1)
    assert value(server, "laser_shadow_overlap_sum") == 1.0


def test_the_shadow_knows_what_changed_since_it_began(start: Start) -> None:
    server = start(shadow_bundle="second", shadow_share=1.0)
    wait_until(lambda: server.client.get("/admin/shadow").json()["bundle"] == "second")
    put = server.client.put(
        "/items/new", json={"title": "a thing of its own", "attributes": {"brand": "Nova"}}
    )
    assert put.status_code in (200, 201)
    asked = {"history": HISTORY, "k": 1, "filter": {"must": [{"key": "brand", "eq": "Nova"}]}}
    assert [item["item_id"] for item in server.post(**asked).json()["items"]] == ["new"]
    wait_until(lambda: compared(server) == 1)
    assert value(server, "laser_shadow_overlap_sum") == 1.0


def test_only_the_share_is_asked(root: Path, settings: Settings) -> None:
    chosen = settings.model_copy(update={"bundles": root})
    serving = Serving(load_recommender(chosen, Metrics()))
    drawn = iter([0.29, 0.3, 0.9, 0.0])
    request = RecommendRequest(history=[HistoryItem(item_id="i1")])

    async def ask_four_times() -> list[int]:
        shadow = Shadow(serving, chosen, draw=lambda: next(drawn))
        asked = []
        async with shadow.running():
            await shadow.start("second", 0.3)
            with serving.lease() as recommender:
                answer = await recommender.recommend(request, Trace("r"), NOTHING_STORED)
            for _ in range(4):
                shadow.compare(request, NOTHING_STORED, answer)
                asked.append(len(shadow._asked))
                await asyncio.gather(*shadow._asked)
        return asked

    assert asyncio.run(ask_four_times()) == [1, 0, 0, 1]
    serving.close()


def test_a_shadow_that_is_busy_drops_and_delays_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start()
    server.client.put("/admin/shadow", json={"bundle": "second", "share": 1.0})
    gate = threading.Event()
    ask = server.recommender.__class__.recommend

    async def slow(self: Any, *arguments: Any) -> Any:
        if self is not server.recommender:
            await asyncio.to_thread(gate.wait, 20)
        return await ask(self, *arguments)

    monkeypatch.setattr(server.recommender.__class__, "recommend", slow)
    for _ in range(AT_ONCE + 3):
        assert server.post(history=HISTORY).status_code == 200
    assert value(server, "laser_shadow_requests_total", outcome="dropped") == 3
    gate.set()
    wait_until(lambda: compared(server) == AT_ONCE)


def test_a_shadow_that_fails_is_counted_and_nobody_notices(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = start()
    server.client.put("/admin/shadow", json={"bundle": "second", "share": 1.0})
    ask = server.recommender.__class__.recommend

    async def fail(self: Any, *arguments: Any) -> Any:
        if self is not server.recommender:
            raise ValueError("pssst")
        return await ask(self, *arguments)

    monkeypatch.setattr(server.recommender.__class__, "recommend", fail)
    with caplog.at_level(logging.DEBUG, logger="laser"):
        assert server.post(history=HISTORY).status_code == 200
        wait_until(lambda: value(server, "laser_shadow_requests_total", outcome="failed") == 1)
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name == "laser"]
    assert not [line for line in lines if "pssst" in line]
    assert server.client.get("/readyz").status_code == 200


def test_a_bundle_that_cannot_be_used_is_refused_and_the_shadow_before_goes_on(
    start: Start, root: Path
) -> None:
    server = start(shadow_bundle="gone", shadow_share=1.0)
    refusals = {"how": "shadow"}
    wait_until(lambda: value(server, "laser_bundle_refusals_total", **refusals) == 1)
    assert server.client.get("/admin/shadow").json() == {"bundle": None, "share": 0.0}
    assert server.post(history=HISTORY).status_code == 200
    server.client.put("/admin/shadow", json={"bundle": "second", "share": 0.5})
    (root / "third" / "columns.json").write_bytes(b"{}")
    for bundle_id in ("third", "gone"):
        response = server.client.put("/admin/shadow", json={"bundle": bundle_id})
        refused(response, 409, "bundle_refused", None)
    assert server.client.get("/admin/shadow").json() == {"bundle": "second", "share": 0.5}


def test_it_stops_when_told_and_compares_nothing_with_itself(start: Start) -> None:
    server = start()
    server.client.put("/admin/shadow", json={"bundle": "second", "share": 1.0})
    server.client.post("/admin/bundles/second/promote").raise_for_status()
    server.post(history=HISTORY)
    server.client.put("/admin/shadow", json={"bundle": "first", "share": 1.0})
    server.post(history=HISTORY)
    wait_until(lambda: compared(server) == 1)
    assert server.client.delete("/admin/shadow").json() == {"bundle": None, "share": 0.0}
    server.post(history=HISTORY)
    assert compared(server) == 1
    assert value(server, "laser_shadow_bundle_info", bundle="first") == 0


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"bundle": "../second"}, "bundle", "invalid_field"),
        ({"bundle": "second", "share": 1.5}, "share", "limit_exceeded"),
        ({"bundle": "second", "share": -0.1}, "share", "invalid_field"),
        ({"bundle": "second", "shares": 1}, "shares", "unknown_field"),
        ({}, "bundle", "invalid_field"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], field: str, code: str, live: Running) -> None:
    refused(live.client.put("/admin/shadow", json=body), 422, code, field)
