"""POST /recommend/batch: each request is answered as it would be alone, in order, and fails alone."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service import batch
from service.batch import answer_all
from service.errors import ApiError, Code
from service.schemas import RecommendRequest, RecommendResponse
from service.trace import Trace
from tests.service.test_bad_input import refused
from tests.service.test_paging import HISTORY, ids
from tests.service.world import Running


def send(live: Running, *requests: Any, **headers: str) -> dict[str, Any]:
    response = live.client.post("/recommend/batch", json={"requests": requests}, headers=headers)
    assert response.status_code == 200
    answered: dict[str, Any] = response.json()
    return answered


def test_each_is_answered_as_alone_in_order(live: Running) -> None:
    requests = [
        {"history": HISTORY, "k": 3},
        {"history": [{"item_id": "i9"}], "k": 5, "explain": True},
        {"constraint": "garden tools", "k": 2},
        {"history": HISTORY, "k": 3, "filter": {"must": [{"key": "price", "gt": 1000}]}},
    ]
    answered = send(live, *requests, **{"X-Request-ID": "call-7"})
    assert answered["request_id"] == "call-7"
    assert [each["status"] for each in answered["answers"]] == [200] * 4
    for place, (request, each) in enumerate(zip(requests, answered["answers"], strict=True)):
        alone = live.post(**request).json()
        assert (each["problem"], each["retry_after"]) == (None, None)
        assert each["answer"]["request_id"] == f"call-7-{place}"
        assert ids(each["answer"]) == ids(alone)
        assert each["answer"]["applied"] == alone["applied"]
        assert each["answer"]["shortfall"] == alone["shortfall"]


def test_one_bad_request_fails_alone_with_the_problem_it_would_have_alone(live: Running) -> None:
    bad: list[Any] = [
        {"history": HISTORY, "kk": 3},
        {"history": HISTORY, "k": 0},
        {"history": HISTORY, "k": 51},
        {"history": [{"item_id": "i1", "title": "x"}]},
        {"history": HISTORY, "filter": {"must": [{"key": "brnad", "eq": "x"}]}},
        {"history": HISTORY, "cursor": "x"},
        {},
        7,
        None,
    ]
    answered = send(live, {"history": HISTORY, "k": 2}, *bad, {"history": HISTORY, "k": 4})["answers"]
    assert (len(ids(answered[0]["answer"])), len(ids(answered[-1]["answer"]))) == (2, 4)
    for place, (body, each) in enumerate(zip(bad, answered[1:-1], strict=True), start=1):
        alone = live.client.post("/recommend", json=body)
        assert each["status"] == alone.status_code == 422
        assert each["answer"] is None
        assert each["problem"]["request_id"].endswith(f"-{place}")
        told = alone.json()
        if body is not None:  # alone, a body of null is no body
            for name in ("type", "title", "code", "field", "detail", "what_to_do"):
                assert each["problem"][name] == told[name], body


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"requests": []}, "invalid_field", "requests"),
        ({"requests": {}}, "invalid_field", "requests"),
        ({}, "invalid_field", "requests"),
        ({"requests": [{}], "k": 3}, "unknown_field", "k"),
        ({"requests": [{"history": HISTORY}] * 101}, "limit_exceeded", "requests"),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(live: Running, body: Any, code: str, field: str) -> None:
    refused(live.client.post("/recommend/batch", json=body), 422, code, field)


def test_json_that_is_not_strict_is_refused_with_its_place(live: Running) -> None:
    content = b'{"requests": [{"constraint": "x", "k": 3}, {"constraint": "x", "k": NaN}]}'
    response = live.client.post(
        "/recommend/batch", content=content, headers={"Content-Type": "application/json"}
    )
    refused(response, 422, "invalid_json", "requests[1].k")


def test_what_is_wrong_inside_fails_alone_too(fragile: Callable[..., Running]) -> None:
    """The fake encoder cannot read one of the sentences."""
    live = fragile()
    answered = send(live, {"history": HISTORY}, {"constraint": "poison"}, {"history": HISTORY})["answers"]
    assert [each["status"] for each in answered] == [200, 500, 200]
    assert answered[1]["problem"]["code"] == "encoding_failed"
    text = live.client.get("/metrics").text
    assert 'laser_batch_answers_total{status="200"} 2.0' in text
    assert 'laser_batch_answers_total{status="500"} 1.0' in text


def bodies(count: int) -> list[dict[str, Any]]:
    return [{"constraint": f"number {n}"} for n in range(count)]


def test_a_full_queue_and_a_surprise_are_told_per_request() -> None:
    async def answer(request: RecommendRequest, trace: Trace) -> RecommendResponse:
        if request.constraint == "number 0":
            raise ApiError(Code.OVERLOADED, "The queue is full.", retry_after=3)
        raise KeyError("secret")

    full, surprised = asyncio.run(answer_all(bodies(2), answer, Trace("r")))
    assert (full.status, full.retry_after) == (429, 3)
    assert full.problem is not None
    assert full.problem.code == "overloaded"
    assert (surprised.status, surprised.retry_after) == (500, None)
    assert surprised.problem is not None
    assert (surprised.problem.code, surprised.problem.request_id) == ("internal", "r-1")
    assert "secret" not in surprised.problem.detail


def test_only_so_many_are_answered_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "SEARCH_BATCH", 3)
    now, most = 0, 0

    async def answer(request: RecommendRequest, trace: Trace) -> RecommendResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1
        raise ApiError(Code.EMPTY_REQUEST, request.constraint)

    answers = asyncio.run(answer_all(bodies(10), answer, Trace("r")))
    assert most == 3
    assert [each.problem.detail for each in answers if each.problem] == [f"number {n}" for n in range(10)]


def test_the_document_says_what_a_request_in_it_is(live: Running) -> None:
    document = live.client.get("/openapi.json").json()
    schema = document["components"]["schemas"]["BatchRequest"]["properties"]["requests"]
    first, other = schema["items"]["anyOf"]
    assert first == {"$ref": "#/components/schemas/RecommendRequest"}
    assert set(other) == {
        "description"
    }  # the batch is not refused for it, and so the document does not forbid it
    assert "RecommendRequest" in document["components"]["schemas"]


def test_a_batch_goes_through_the_encoder_together(fragile: Callable[..., Running], encoder: Any) -> None:
    live = fragile(batch_wait_ms=200.0)
    send(live, *({"history": [{"item_id": f"i{n}"}]} for n in range(6)))
    assert sum(encoder.batches) == 6
    assert max(encoder.batches) > 1


def test_the_answer_carries_the_headers_of_any_answer(live: Running) -> None:
    response: httpx.Response = live.client.post("/recommend/batch", json={"requests": [{"history": HISTORY}]})
    assert "answers;dur=" in response.headers["server-timing"]


def test_a_rate_limit_counts_each_request_of_a_batch(fragile: Callable[..., Running]) -> None:
    live = fragile(rate_limit=0.1, rate_burst=5)
    send(live, *({"history": HISTORY, "k": 1} for _ in range(20)))  # 15 more than there were
    response = live.post(history=HISTORY)
    refused(response, 429, "rate_limited", None)
    assert 150 <= int(response.headers["retry-after"]) <= 160
