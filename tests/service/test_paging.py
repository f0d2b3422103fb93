"""Pages: together they are the one long answer, whatever changes in between nothing comes twice, and a cursor is of one
request."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from service.errors import ApiError
from service.paging import item_hash, read_cursor, unseen, write_cursor
from service.schemas import RecommendRequest
from tests.service.test_bad_input import refused
from tests.service.world import Running

HISTORY = [{"item_id": "i3"}, {"item_id": "i7"}]


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def pages(live: Running, k: int, **request: Any) -> list[dict[str, Any]]:
    """Every page of a request."""
    found = [live.post(k=k, **request).json()]
    while found[-1]["cursor"] is not None:
        found.append(live.post(k=k, cursor=found[-1]["cursor"], **request).json())
    return found


@pytest.mark.parametrize("k", [1, 7, 13, 39, 40])
def test_pages_are_the_long_answer_cut(live: Running, k: int) -> None:
    whole = live.post(history=HISTORY, k=50).json()
    assert len(ids(whole)) == 39
    assert whole["cursor"] is None  # nothing is left
    found = pages(live, k, history=HISTORY)
    assert [item_id for page in found for item_id in ids(page)] == ids(whole)
    assert [item["rank"] for page in found for item in page["items"]] == list(range(1, 40))
    assert len(found) == -(-39 // k)
    assert [page["shortfall"] for page in found[:-1]] == [None] * (len(found) - 1)
    last = found[-1]["shortfall"]
    assert last == ({"requested": k, "returned": 39 % k, "reason": "allowed"} if 39 % k else None)


def test_what_a_sentence_means_is_the_same_on_every_page(live: Running) -> None:
    """'Cheap' is a quarter of all that is allowed, not of what the pages before left."""
    whole = live.post(constraint="cheap", k=50).json()
    found = pages(live, 3, constraint="cheap")
    assert [item_id for page in found for item_id in ids(page)] == ids(whole)
    bounds = {page["applied"]["constraint"]["understood"][0]["value"] for page in found}
    assert len(bounds) == 1


def test_k_and_explain_may_change_from_page_to_page(live: Running) -> None:
    first = live.post(history=HISTORY, k=5).json()
    second = live.post(history=HISTORY, k=8, explain=True, cursor=first["cursor"]).json()
    assert len(ids(second)) == 8
    assert not set(ids(first)) & set(ids(second))
    assert second["items"][0]["reasons"]


@pytest.mark.parametrize(
    "changed",
    [
        {"history": HISTORY[:1]},
        {"history": HISTORY, "constraint": "tools"},
        {"history": HISTORY, "exclude": {"seen": False}},
        {"history": HISTORY, "filter": {"must": [{"key": "brand", "eq": "Acme"}]}},
        {"history": HISTORY, "user_id": "u"},
        {"history": HISTORY, "diversity": {"mmr": 0.5}},
    ],
)
def test_a_cursor_of_another_request_is_refused(live: Running, changed: dict[str, Any]) -> None:
    cursor = live.post(history=HISTORY, k=5).json()["cursor"]
    problem = refused(live.post(**changed, cursor=cursor), 422, "invalid_field", "cursor")
    assert "belongs to another request" in problem["detail"]


def test_a_default_that_is_spelled_out_is_the_same_request(live: Running) -> None:
    cursor = live.post(history=HISTORY, k=5).json()["cursor"]
    assert live.post(history=HISTORY, exclude={"seen": True}, constraint="", cursor=cursor).status_code == 200


def request(**fields: Any) -> RecommendRequest:
    return RecommendRequest.model_validate({"history": HISTORY} | fields)


def test_a_cursor_carries_what_was_shown_over_any_number_of_pages() -> None:
    first = write_cursor(request(), (), ["a", "b"])
    shown = read_cursor(request(cursor=first), 100)
    assert shown == (item_hash("a"), item_hash("b"))
    second = write_cursor(request(k=3), shown, ["c"])
    assert read_cursor(request(cursor=second, explain=True), 100) == (*shown, item_hash("c"))
    assert unseen(["c", "x", "a", "y"], shown) == [0, 1, 3]
    assert read_cursor(request(), 100) == ()


def flipped(cursor: str, place: int) -> str:
    content = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    content[place] ^= 1
    return base64.urlsafe_b64encode(bytes(content)).decode().rstrip("=")


CURSOR = write_cursor(request(), (), ["a", "b"])


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "****",
        "AAAA",
        CURSOR[:-1],
        CURSOR[:-4],
        CURSOR + "AAAA",
        *(flipped(CURSOR, place) for place in (0, 5, 20, 30, -1)),
    ],
)
def test_a_damaged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_cursor(request(cursor=cursor), 100)
    error = caught.value.errors[0]
    assert (error.field, error.code) == ("cursor", "invalid_field")
    assert "no cursor of this service" in error.detail


def test_pages_end_where_the_setting_ends_them() -> None:
    cursor = write_cursor(request(), (), ["a", "b", "c"])
    assert len(read_cursor(request(cursor=cursor), 3)) == 3
    with pytest.raises(ApiError) as caught:
        read_cursor(request(cursor=cursor), 2)
    error = caught.value.errors[0]
    assert (error.field, error.code) == ("cursor", "limit_exceeded")


def test_the_last_page_that_is_allowed_has_no_cursor(fragile: Callable[..., Running]) -> None:
    found = pages(fragile(max_paged=10), 4, history=HISTORY)
    assert [len(ids(page)) for page in found] == [4, 4, 4]  # 12 are more than 10
    assert found[-1]["shortfall"] is None


@pytest.mark.parametrize("cursor", ["", 7, ["x"]])
def test_a_cursor_is_text(live: Running, cursor: object) -> None:
    refused(live.post(history=HISTORY, cursor=cursor), 422, "invalid_field", "cursor")
