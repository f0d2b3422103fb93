"""POST /events, user_id in POST /recommend, GET and DELETE /users over HTTP, on the embedded store."""

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

from demo.catalogue import FILMS_PATH
from service.event_schemas import AHEAD_SECONDS, EventsRequest, check_events
from service.examples import EVENTS
from service.settings import Settings, load_settings
from tests.service.test_bad_input import refused
from tests.service.world import Running

T = 1_700_000_000
NUMBERS = count()


@pytest.fixture
def user() -> str:
    """A user nobody has used."""
    return f"user/{next(NUMBERS)} é"


def event(user: str, item_id: str, at: float, event_id: str | None = None) -> dict[str, Any]:
    return {"user_id": user, "event_id": event_id or f"e-{at}", "item_id": item_id, "timestamp": at}


def send(live: Running, *events: dict[str, Any]) -> dict[str, Any]:
    response = live.client.post("/events", json={"events": events})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def ranked(answer: dict[str, Any]) -> list[tuple[str, float]]:
    return [(item["item_id"], item["score"]) for item in answer["items"]]


def at(user: str) -> str:
    return str(httpx.URL("/users/").copy_with(path=f"/users/{user}"))


def test_one_event_or_a_batch(live: Running, user: str) -> None:
    single = live.client.post("/events", json=event(user, "i1", T)).json()
    assert (single["outcomes"], single["unknown_items"]) == (["stored"], [])
    batch = send(live, event(user, "i2", T + 1), event(user, "i1", T), event(user, "gone", T + 2))
    assert batch["outcomes"] == ["stored", "duplicate", "stored"]
    assert batch["unknown_items"] == ["gone"]
    assert len(batch["request_id"]) == 32


def test_a_user_is_shown_whole(live: Running, user: str) -> None:
    send(live, event(user, "i2", T + 0.25), event(user, "gone", T - 1, "late"))
    answer = live.client.get(at(user)).json()
    assert answer["user_id"] == user
    assert answer["events"] == [
        {"event_id": "late", "item_id": "gone", "timestamp": T - 1},
        {"event_id": f"e-{T + 0.25}", "item_id": "i2", "timestamp": T + 0.25},
    ]


def test_a_click_counts_in_the_next_request(live: Running, user: str) -> None:
    send(live, event(user, "i3", T), event(user, "i7", T + 1))
    stored = live.post(user_id=user, k=50).json()
    given = live.post(history=[{"item_id": "i3"}, {"item_id": "i7"}], k=50).json()
    assert ranked(stored) == ranked(given)
    assert (stored["applied"]["excluded_seen"], stored["applied"]["stored_history"]) == (2, 2)
    assert stored["degraded"] == []
    send(live, event(user, "i4", T + 2))
    more = live.post(user_id=user, k=50).json()
    assert more["applied"]["stored_history"] == 3
    assert "i4" not in dict(ranked(more))


def test_what_is_stored_comes_before_what_the_request_brings(live: Running, user: str) -> None:
    send(live, event(user, "i3", T), event(user, "i7", T + 1))
    joined = live.post(user_id=user, history=[{"item_id": "i5"}, {"title": "thing"}], k=50).json()
    whole = [{"item_id": "i3"}, {"item_id": "i7"}, {"item_id": "i5"}, {"title": "thing"}]
    assert ranked(joined) == ranked(live.post(history=whole, k=50).json())
    assert joined["applied"]["stored_history"] == 2


def test_a_stored_item_that_the_request_names_counts_there_alone(live: Running, user: str) -> None:
    send(live, event(user, "i3", T), event(user, "i7", T + 1), event(user, "i3", T + 2))
    joined = live.post(user_id=user, history=[{"item_id": "i3"}], k=50).json()
    assert ranked(joined) == ranked(live.post(history=[{"item_id": "i7"}, {"item_id": "i3"}], k=50).json())
    assert joined["applied"]["stored_history"] == 1


def test_repeats_among_the_stored_are_kept(live: Running, user: str) -> None:
    send(live, event(user, "i3", T), event(user, "i7", T + 1), event(user, "i3", T + 2))
    repeated = [{"item_id": "i3"}, {"item_id": "i7"}, {"item_id": "i3"}]
    assert ranked(live.post(user_id=user, k=50).json()) == ranked(live.post(history=repeated, k=50).json())


def test_stored_items_that_the_catalogue_lacks_are_passed_over(live: Running, user: str) -> None:
    send(live, event(user, "gone", T), event(user, "i7", T + 1))
    answer = live.post(user_id=user, k=50).json()
    assert ranked(answer) == ranked(live.post(history=[{"item_id": "i7"}], k=50).json())
    assert (answer["unknown_items"], answer["degraded"]) == ([], [])


def test_a_user_with_nothing_but_unknown_items_is_answered_and_named(live: Running, user: str) -> None:
    send(live, event(user, "gone", T))
    answer = live.post(user_id=user, k=3).json()
    assert len(answer["items"]) == 3
    assert (answer["degraded"], answer["applied"]["stored_history"]) == (["history"], 0)


def test_a_reason_from_the_stored_history_has_no_position(live: Running, user: str) -> None:
    send(live, event(user, "i3", T))
    [item] = live.post(user_id=user, k=1, explain=True).json()["items"]
    [reason] = item["reasons"]
    assert (reason["item_id"], reason["position"]) == ("i3", None)


def test_a_user_without_events_is_refused_alone_and_named_beside_a_history(live: Running, user: str) -> None:
    refused(live.post(user_id=user), 422, "no_stored_history", "user_id")
    answer = live.post(user_id=user, history=[{"item_id": "i1"}], k=1).json()
    assert answer["degraded"] == ["user_history"]


def test_a_deleted_user_is_gone_and_old_events_do_not_bring_them_back(live: Running, user: str) -> None:
    sent = [event(user, f"i{n}", T + n) for n in range(3)]
    send(live, *sent)
    response = live.client.delete(at(user))
    assert (response.status_code, response.json()["deleted_events"]) == (200, 3)
    refused(live.client.get(at(user)), 404, "user_not_found", "user_id")
    refused(live.post(user_id=user), 422, "no_stored_history", "user_id")
    assert send(live, *sent)["outcomes"] == ["outdated"] * 3
    refused(live.client.get(at(user)), 404, "user_not_found", "user_id")
    assert live.client.delete(at(user)).json()["deleted_events"] == 0


@pytest.mark.parametrize("odd", ["a\nb", "\n", "a\r\n", "/", "a//b", "?k=#", "%2F", "\x00"])
def test_whatever_an_id_holds_its_user_can_be_shown_and_deleted(live: Running, odd: str) -> None:
    path = f"/users/{quote(odd, safe='')}"
    send(live, event(odd, "i1", T))
    assert live.client.get(path).json()["user_id"] == odd
    assert live.client.delete(path).json()["deleted_events"] == 1
    refused(live.client.get(path), 404, "user_not_found", "user_id")


def test_a_deleted_user_may_come_back(live: Running, user: str) -> None:
    live.client.delete(at(user))
    soon = time.time() + 5
    assert send(live, event(user, "i1", soon))["outcomes"] == ["stored"]
    assert live.post(user_id=user, k=1).json()["degraded"] == []


def test_the_newest_are_kept(fragile: Callable[..., Running], user: str) -> None:
    server = fragile(max_stored=3)
    send(server, *(event(user, f"i{n}", T + n) for n in (5, 1, 4, 2, 3)))
    events = server.client.get(at(user)).json()["events"]
    assert [each["item_id"] for each in events] == ["i3", "i4", "i5"]


GOOD = event("u", "i1", T)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_field", "user_id"),
        ([], "invalid_field", "body"),
        (7, "invalid_field", "body"),
        ({"events": []}, "invalid_field", "events"),
        ({"events": {}}, "invalid_field", "events"),
        ({"events": [7]}, "invalid_field", "events[0]"),
        ({"events": [GOOD, GOOD | {"item_id": ""}]}, "invalid_field", "events[1].item_id"),
        ({"events": [GOOD], "k": 1}, "unknown_field", "k"),
        (GOOD | {"kind": "click"}, "unknown_field", "kind"),
        (GOOD | {"user_id": "x" * 513}, "limit_exceeded", "user_id"),
        (GOOD | {"event_id": "x" * 129}, "limit_exceeded", "event_id"),
        (GOOD | {"event_id": 1}, "invalid_field", "event_id"),
        (GOOD | {"item_id": None}, "invalid_field", "item_id"),
        (GOOD | {"timestamp": -1}, "invalid_field", "timestamp"),
        (GOOD | {"timestamp": "2024-01-01"}, "invalid_field", "timestamp"),
        (GOOD | {"timestamp": True}, "invalid_field", "timestamp"),
        (GOOD | {"timestamp": T * 1000}, "invalid_field", "timestamp"),  # milliseconds
        ({"events": [GOOD, GOOD | {"timestamp": 1e300}]}, "invalid_field", "events[1].timestamp"),
        ({"events": [GOOD] * 1001}, "limit_exceeded", "events"),
    ],
)
def test_422(live: Running, body: Any, code: str, field: str) -> None:
    refused(live.client.post("/events", json=body), 422, code, field)


@pytest.mark.parametrize("left_out", GOOD)
def test_every_field_of_an_event_is_needed(live: Running, left_out: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != left_out}
    refused(live.client.post("/events", json=body), 422, "invalid_field", left_out)


def test_one_wrong_event_keeps_its_batch_out(live: Running, user: str) -> None:
    body = {"events": [event(user, "i1", T), event(user, "", T + 1)]}
    refused(live.client.post("/events", json=body), 422, "invalid_field", "events[1].item_id")
    refused(live.client.get(at(user)), 404, "user_not_found", "user_id")


def test_a_clock_a_little_ahead_is_forgiven(live: Running, user: str) -> None:
    assert send(live, event(user, "i1", time.time() + AHEAD_SECONDS - 30))["outcomes"] == ["stored"]
    body = event(user, "i1", time.time() + AHEAD_SECONDS + 30)
    refused(live.client.post("/events", json=body), 422, "invalid_field", "timestamp")


def test_422_for_a_user_id_that_is_too_long_or_empty(live: Running) -> None:
    for ask in (live.client.get, live.client.delete):
        refused(ask(f"/users/{'x' * 513}"), 422, "limit_exceeded", "user_id")
        refused(ask("/users/"), 422, "invalid_field", "user_id")


def test_415_for_what_a_foreign_page_could_send(live: Running) -> None:
    response = live.client.post(
        "/events", content=b'{"user_id": "u"}', headers={"Content-Type": "text/plain"}
    )
    refused(response, 415, "unsupported_media_type", "Content-Type")


def test_events_outlive_the_process(fragile: Callable[..., Running], user: str) -> None:
    send(fragile(), event(user, "i3", T))
    again = fragile()
    assert again.post(user_id=user, k=1).json()["applied"]["stored_history"] == 1


def test_the_store_is_timed_and_counted(live: Running, user: str) -> None:
    def value(name: str, **labels: str) -> float:
        families = text_string_to_metric_families(live.client.get("/metrics").text)
        samples = [s for family in families for s in family.samples if s.name == name and s.labels == labels]
        return samples[0].value if samples else 0.0

    before = value("laser_events_total", outcome="stored"), value("laser_events_total", outcome="duplicate")
    send(live, event(user, "i3", T), event(user, "i3", T))
    timing = live.post(user_id=user, k=1).headers["server-timing"]
    after = value("laser_events_total", outcome="stored"), value("laser_events_total", outcome="duplicate")
    assert after == (before[0] + 1, before[1] + 1)
    assert "store;dur=" in timing
    assert value("laser_store_seconds_count", operation="append") >= 1
    assert value("laser_store_seconds_count", operation="history") >= 1
    assert value("laser_store_up", lane="read") == value("laser_store_up", lane="append") == 1
    assert value("laser_batch_jobs_count", stage="store_append") >= 1
    assert user not in live.client.get("/metrics").text


def test_the_file_lies_beside_the_bundles(live: Running, settings: Settings) -> None:
    assert settings.state_file == settings.bundles.parent / "state.sqlite"
    live.client.get("/users/nobody")
    assert settings.state_file.is_file()


@pytest.mark.parametrize("name", EVENTS)
def test_an_example_fits_the_demo(name: str) -> None:
    films = {json.loads(line)["item_id"] for line in FILMS_PATH.read_text("utf-8").splitlines()}
    request = TypeAdapter(EventsRequest).validate_python(EVENTS[name]["value"])
    assert {event.item_id for event in check_events(request, load_settings())} <= films
