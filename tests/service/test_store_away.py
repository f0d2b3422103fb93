"""A store that stops, hangs, or cannot be used: reads go on without it and say so, writes say 503, and it returns."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.logs import JsonFormatter
from service.store.lane import FAILURES
from service.users import AWAY
from tests.service.store.redis_server import RedisServer, needs_redis
from tests.service.test_bad_input import refused
from tests.service.world import Running, wait_until

Start = Callable[..., Running]
HISTORY = [{"item_id": "i1"}]
EVENT = {"user_id": "secret-user", "event_id": "secret-event", "item_id": "i3", "timestamp": 1_700_000_000}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    redis = RedisServer(tmp_path)
    yield redis
    redis.stop()


def away(service: Running, *, from_the_start: bool = False) -> None:
    """Everything that has to hold while the store is away. Who has never read the log of catalogue changes cannot know
    what was deleted, and is not ready."""
    for _ in range(FAILURES + 2):  # while the deadline is waited for, and while it no longer is
        answer = service.post(history=HISTORY, user_id="secret-user", k=3)
        assert (answer.status_code, answer.json()["degraded"]) == (200, ["store"])
        assert len(answer.json()["items"]) == 3
        without(service.client.post("/events", json=EVENT))
    alone = service.post(user_id="secret-user", k=3).json()
    assert (alone["degraded"], len(alone["items"])) == (["store"], 3)
    assert service.post(history=HISTORY).json()["degraded"] == []  # who names no user misses nothing
    without(service.client.get("/users/secret-user"))
    without(service.client.delete("/users/secret-user"))
    ready = service.client.get("/readyz")
    if from_the_start:
        refused(ready, 503, "not_ready", None)
    else:
        assert (ready.status_code, ready.json()["warnings"]) == (200, [AWAY])


def without(response: httpx.Response) -> None:
    refused(response, 503, "store_unavailable", None)
    assert response.headers["retry-after"] == "1"


def back(service: Running) -> None:
    """Everything that has to hold soon after it is back."""
    wait_until(lambda: service.client.post("/events", json=EVENT).status_code == 200)
    wait_until(lambda: service.post(user_id="secret-user", k=3).json().get("degraded") == [])
    wait_until(lambda: service.client.delete("/users/nobody").status_code == 200)
    assert service.client.post("/events", json=EVENT).json()["outcomes"] == ["duplicate"]
    wait_until(lambda: service.client.get("/readyz").json().get("warnings") == [])


@needs_redis
def test_a_service_starts_without_its_redis_and_finds_it_later(fragile: Start, server: RedisServer) -> None:
    service = fragile(redis_url=SecretStr(server.url))
    away(service, from_the_start=True)
    server.start()
    back(service)


@needs_redis
def test_a_redis_that_hangs(fragile: Start, server: RedisServer) -> None:
    server.start()
    service = fragile(redis_url=SecretStr(server.url), store_write_ms=300.0)
    back(service)
    server.pause()
    away(service)
    server.resume()
    back(service)


@needs_redis
def test_a_redis_that_is_killed_keeps_what_was_acknowledged(fragile: Start, server: RedisServer) -> None:
    server.start()
    service = fragile(redis_url=SecretStr(server.url))
    assert service.client.post("/events", json=EVENT).json()["outcomes"] == ["stored"]
    server.kill()
    away(service)
    server.start()
    back(service)
    [event] = service.client.get("/users/secret-user").json()["events"]
    assert event["event_id"] == "secret-event"


def test_a_file_that_cannot_be_used(fragile: Start, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    service = fragile(state=tmp_path / "state" / "state.sqlite")
    away(service, from_the_start=True)
    (tmp_path / "state").unlink()
    back(service)


def test_what_is_counted_and_logged_of_it_names_no_user(
    fragile: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("in the way")
    with caplog.at_level(logging.DEBUG, logger="laser"):
        service = fragile(state=tmp_path / "state" / "state.sqlite")
        away(service, from_the_start=True)
        (tmp_path / "state").unlink()
        back(service)
        service.client.get("/users/secret-user")
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name == "laser"]
    assert not [line for line in lines if "secret" in line]
    failed: list[dict[str, Any]] = [
        record.__dict__["fields"] for record in caplog.records if record.getMessage() == "store failed"
    ]
    assert {"operation": "append", "reason": "FileExistsError"} in failed
    reasons = {each["reason"] for each in failed}
    assert "breaker_open" not in reasons  # a line for each try, not for each request
    assert [record.__dict__["fields"] for record in caplog.records if record.getMessage() == "store"] == [
        {"warning": AWAY}
    ]
    count = service.recommender.metrics.registry.get_sample_value
    labels = {"operation": "append", "reason": "FileExistsError"}
    assert (count("laser_store_failures_total", labels) or 0) >= FAILURES
    assert (count("laser_degraded_total", {"what": "store"}) or 0) >= FAILURES + 3
    assert count("laser_store_up", {"lane": "append"}) == 1
