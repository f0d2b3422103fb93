"""Deadlines: what nobody can use any more is never encoded, and its client is told at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest

from tests.service.fakes import FakeEncoder
from tests.service.test_bad_input import refused
from tests.service.test_failures import HISTORY
from tests.service.world import Running, wait_until

Start = Callable[..., Running]


def waiting(server: Running) -> int:
    return server.recommender.waiting["encode"]


def ask(server: Running, milliseconds: str, path: str = "/recommend") -> httpx.Response:
    return server.client.post(path, json={"history": HISTORY}, headers={"X-Deadline-Ms": milliseconds})


def test_a_request_past_its_own_deadline_gets_504_and_is_never_encoded(
    fragile: Start, encoder: FakeEncoder
) -> None:
    server = fragile()
    encoder.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        refused(ask(server, "50"), 504, "deadline_exceeded", None)  # while the encoder is still busy
        encoder.gate.set()
        assert first.result().status_code == 200
    assert server.post(history=HISTORY).status_code == 200
    assert encoder.users == 2


def test_the_services_deadline_holds_for_all_and_a_client_can_only_shorten_it(
    fragile: Start, encoder: FakeEncoder
) -> None:
    server = fragile(deadline_ms=50.0)
    encoder.gate.clear()
    for response in (server.post(history=HISTORY), ask(server, "600000")):
        refused(response, 504, "deadline_exceeded", None)
    encoder.gate.set()
    wait_until(lambda: waiting(server) == 0)


def test_a_deadline_that_passed_before_the_batch_began_is_seen_by_the_encoders_thread(
    fragile: Start, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the event loop did not come to cancel it: here it never does."""
    monkeypatch.setattr("service.routes.math", SimpleNamespace(inf=-1.0))  # the route waits without a limit
    server = fragile()
    encoder.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        late = pool.submit(ask, server, "1")
        wait_until(lambda: waiting(server) == 1)
        encoder.gate.set()
        assert first.result().status_code == 200
        refused(late.result(), 504, "deadline_exceeded", None)
    assert encoder.users == 1


@pytest.mark.parametrize("value", ["0", "-5", "600001", "soon", "1.5", ""])
def test_a_deadline_that_is_none_is_refused(fragile: Start, value: str) -> None:
    response = ask(fragile(), value)
    assert response.status_code == 422
    assert response.json()["field"] == "X-Deadline-Ms"


def test_similar_items_have_a_deadline_too(fragile: Start) -> None:
    server = fragile(deadline_ms=0.001)
    refused(server.client.get("/items/i1/similar"), 504, "deadline_exceeded", None)
