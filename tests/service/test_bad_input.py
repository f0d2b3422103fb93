"""Each way in which a request can be wrong: a status, a stable code and the field, over real HTTP."""

from typing import Any

import httpx
import pytest

from tests.service.world import Running

HISTORY = [{"item_id": "i1"}]


def refused(response: httpx.Response, status: int, code: str, field: str | None) -> dict[str, Any]:
    """Check that this is a problem document that says so, and return it."""
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["status"], problem["code"], problem["field"]) == (
        status,
        status,
        code,
        field,
    )
    assert problem["type"] == f"urn:laser:problem:{code}"
    assert problem["detail"]
    assert problem["what_to_do"]
    assert problem["title"]
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        ({}, "empty_request", "body"),
        ({"history": []}, "empty_request", "body"),
        ({"constraint": ""}, "empty_request", "body"),
        ({"constraint": " \u200b\u0000 "}, "empty_request", "body"),
        ({"filter": {"must": [{"key": "brand", "eq": "Acme"}]}}, "empty_request", "body"),
        ({"user_id": "u1"}, "no_stored_history", "user_id"),
        # unknown fields, at every level
        ({"history": HISTORY, "top_k": 3}, "unknown_field", "top_k"),
        ({"history": [{"item_id": "i1", "rating": 5}]}, "unknown_field", "history[0].rating"),
        ({"history": HISTORY, "exclude": {"ids": []}}, "unknown_field", "exclude.ids"),
        (
            {"history": [{"title": "t", "attributes": {"colour": "red"}}]},
            "unknown_attribute",
            "history[0].attributes.colour",
        ),
        # wrong types
        ({"history": HISTORY, "k": "10"}, "invalid_field", "k"),
        ({"history": HISTORY, "k": 1.5}, "invalid_field", "k"),
        ({"history": HISTORY, "k": True}, "invalid_field", "k"),
        ({"history": HISTORY, "k": None}, "invalid_field", "k"),
        ({"history": HISTORY, "k": 0}, "invalid_field", "k"),
        ({"history": HISTORY, "k": -1}, "invalid_field", "k"),
        ({"history": HISTORY, "explain": 1}, "invalid_field", "explain"),
        ({"history": HISTORY, "constraint": 7}, "invalid_field", "constraint"),
        ({"history": HISTORY, "constraint_mode": "hard"}, "invalid_field", "constraint_mode"),
        ({"history": HISTORY, "exclude": {"seen": "yes"}}, "invalid_field", "exclude.seen"),
        ({"history": HISTORY, "exclude": {"item_ids": [1]}}, "invalid_field", "exclude.item_ids[0]"),
        ({"history": "i1"}, "invalid_field", "history"),
        ({"history": ["i1"]}, "invalid_field", "history[0]"),
        ({"history": [{"item_id": 1}]}, "invalid_field", "history[0].item_id"),
        ({"history": [{"item_id": ""}]}, "invalid_field", "history[0].item_id"),
        ({"history": [{}]}, "invalid_field", "history[0]"),
        ({"history": [{"item_id": "i1", "title": "t"}]}, "invalid_field", "history[0]"),
        ({"history": [{"item_id": "i1", "attributes": {}}]}, "invalid_field", "history[0]"),
        (
            {"history": [{"title": "t", "attributes": {"price": "7"}}]},
            "invalid_field",
            "history[0].attributes.price",
        ),
        (
            {"history": [{"title": "t", "attributes": {"price": True}}]},
            "invalid_field",
            "history[0].attributes.price",
        ),
        (
            {"history": [{"title": "t", "attributes": {"genres": "a"}}]},
            "invalid_field",
            "history[0].attributes.genres",
        ),
        (
            {"history": [{"title": "t", "attributes": {"genres": [1]}}]},
            "invalid_field",
            "history[0].attributes.genres",
        ),
        (
            {"history": [{"title": "t", "attributes": {"brand": ["A"]}}]},
            "invalid_field",
            "history[0].attributes.brand",
        ),
        ({"history": HISTORY, "filter": []}, "invalid_field", "filter"),
        # limits: max_k 50, max_history 20, max_exclude 10, max_sentence 100, max_text 1000
        ({"history": HISTORY, "k": 51}, "limit_exceeded", "k"),
        ({"history": HISTORY, "k": 2**62}, "limit_exceeded", "k"),
        ({"history": HISTORY * 21}, "limit_exceeded", "history"),
        ({"history": HISTORY, "constraint": "x" * 101}, "limit_exceeded", "constraint"),
        ({"history": [{"title": "x" * 1001}]}, "limit_exceeded", "history[0].title"),
        (
            {"history": [{"title": "t", "attributes": {"brand": "x" * 1001}}]},
            "limit_exceeded",
            "history[0].attributes.brand",
        ),
        ({"history": [{"item_id": "x" * 513}]}, "limit_exceeded", "history[0].item_id"),
        ({"history": HISTORY, "exclude": {"item_ids": ["a"] * 11}}, "limit_exceeded", "exclude.item_ids"),
        # filters
        (
            {"history": HISTORY, "filter": {"must": [{"key": "colour", "eq": "red"}]}},
            "invalid_filter",
            "filter.must[0].key",
        ),
        (
            {"history": HISTORY, "filter": {"must": [{"key": "price", "lte": "20"}]}},
            "invalid_filter",
            "filter.must[0].lte",
        ),
        (
            {"history": HISTORY, "filter": {"must": [{"key": "brand", "in": []}]}},
            "invalid_filter",
            "filter.must[0].in",
        ),
        (
            {"history": HISTORY, "filter": {"must": [{"key": "price", "gte": 9, "lte": 3}]}},
            "invalid_filter",
            "filter.must[0].lte",
        ),
        ({"history": HISTORY, "filter": {"must": [{"key": "brand"}]}}, "invalid_filter", "filter.must[0]"),
        ({"history": HISTORY, "filter": {"maybe": []}}, "invalid_filter", "filter.maybe"),
    ],
)
def test_422(live: Running, request_: dict[str, Any], code: str, field: str) -> None:
    refused(live.post(**request_), 422, code, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"history": [{"item_id": "i1"}], "k": NaN}', "k"),
        (b'{"history": [{"item_id": "i1"}], "k": Infinity}', "k"),
        (
            b'{"history": [{"item_id": "i1"}], "filter": {"must": [{"key": "price", "lte": -Infinity}]}}',
            "filter.must[0].lte",
        ),
        (b'{"history": [{"item_id": "i1"}], "k": 3, "k": 5}', "k"),
        (b'{"history": [{"item_id": "i1", "item_id": "i2"}]}', "history[0].item_id"),
        (b'{"history": [{"item_id": "i1"}], "k": 9223372036854775808}', "k"),
        (b'{"history": [{"item_id": "i1"}], "constraint": "\\ud800"}', "constraint"),
        (b'{"history": [{"item_id": "i1"}]', "body"),
        (b"not json", "body"),
        (b'{"constraint": "\xff"}', "body"),
    ],
)
def test_422_for_what_is_not_strict_json(live: Running, body: bytes, field: str) -> None:
    response = live.client.post("/recommend", content=body, headers={"Content-Type": "application/json"})
    refused(response, 422, "invalid_json", field)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b""])
def test_422_for_a_body_that_is_no_object(live: Running, body: bytes) -> None:
    response = live.client.post("/recommend", content=body, headers={"Content-Type": "application/json"})
    refused(response, 422, "invalid_field", "body")


def test_several_errors_are_all_named(live: Running) -> None:
    problem = refused(
        live.post(history=[{"item_id": 1}], k="x", foo=1), 422, "invalid_field", "history[0].item_id"
    )
    assert [(each["field"], each["code"]) for each in problem["errors"]] == [
        ("history[0].item_id", "invalid_field"),
        ("k", "invalid_field"),
        ("foo", "unknown_field"),
    ]


def test_an_unknown_attribute_names_field_and_columns(live: Running) -> None:
    response = live.post(history=[{"item_id": "i1"}, {"title": "t", "attributes": {"colour": "red"}}])
    problem = refused(response, 422, "unknown_attribute", "history[1].attributes.colour")
    assert problem["detail"] == "Columns are: brand, genres, price."


def test_what_the_client_wrote_is_not_in_the_problem(live: Running) -> None:
    response = live.post(
        history=[{"title": "my secret", "attributes": {"price": "my secret"}}], constraint=["my secret"]
    )
    assert "my secret" not in response.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_415_for_what_a_foreign_page_could_send(live: Running, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = live.client.post("/recommend", content=b'{"history": [{"item_id": "i1"}]}', headers=headers)
    refused(response, 415, "unsupported_media_type", "Content-Type")


def test_a_json_dialect_is_json(live: Running) -> None:
    body = b'{"history": [{"item_id": "i1"}]}'
    for content_type in ("application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON"):
        response = live.client.post("/recommend", content=body, headers={"Content-Type": content_type})
        assert response.status_code == 200


def test_413_for_a_body_declared_too_large(live: Running) -> None:
    body = b'{"constraint": "' + b"x" * (1 << 20) + b'"}'
    response = live.client.post("/recommend", content=body, headers={"Content-Type": "application/json"})
    refused(response, 413, "body_too_large", "body")


def test_413_for_a_body_that_turns_out_too_large(live: Running) -> None:
    pieces = (b"x" * 65536 for _ in range(20))  # sent in chunks: no length is declared
    response = live.client.post("/recommend", content=pieces, headers={"Content-Type": "application/json"})
    refused(response, 413, "body_too_large", "body")


def test_404_and_405(live: Running) -> None:
    refused(live.client.get("/recommended"), 404, "not_found", None)
    refused(live.client.get("/items/nobody"), 404, "item_not_found", "item_id")
    refused(live.client.get("/items/nobody/similar"), 404, "item_not_found", "item_id")
    response = live.client.get("/recommend")
    refused(response, 405, "method_not_allowed", None)
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("k=0", "invalid_field", "k"),
        ("k=x", "invalid_field", "k"),
        ("k=51", "limit_exceeded", "k"),
        ("top=3", "unknown_field", "top"),
    ],
)
def test_422_for_a_wrong_query(live: Running, query: str, code: str, field: str) -> None:
    refused(live.client.get(f"/items/i1/similar?{query}"), 422, code, field)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80:80", "", "[::2]"])
def test_a_foreign_host_header_is_refused(live: Running, host: str) -> None:
    for path in ("/healthz", "/", "/docs"):
        refused(live.client.get(path, headers={"Host": host}), 421, "host_not_allowed", None)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_loopbacks_own_names_are_answered(live: Running, host: str) -> None:
    assert live.client.get("/healthz", headers={"Host": host}).status_code == 200
