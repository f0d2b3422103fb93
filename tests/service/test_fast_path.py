"""The fast path: where the queue would refuse, an answer from stored vectors that says what it did without."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from index.bundle import Bundle
from tests.service.fakes import FakeEncoder
from tests.service.test_bad_input import refused
from tests.service.world import Running, wait_until

Start = Callable[..., Running]
HISTORY = [{"item_id": "i1"}, {"item_id": "i2"}]


@contextmanager
def crowded(server: Running, encoder: FakeEncoder) -> Iterator[None]:
    """One request is being encoded, and one fills the queue."""
    encoder.gate.clear()
    encoder.entered.clear()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        pool.submit(server.post, history=HISTORY)
        wait_until(lambda: server.recommender.waiting["encode"] == 1)
        yield
        encoder.gate.set()


def scores(bundle: Bundle, weights: dict[int, float]) -> Any:
    """What the fast path should give every item: z of the history, weighted, and the neighbours of i1 and i2."""
    width = bundle.text_vectors.shape[1]
    z = bundle.vectors[:, :width]
    user = sum(weight * z[row] for row, weight in weights.items())
    found = z @ (user / np.linalg.norm(user))
    boosts = bundle.neighbours.boosts([1, 2])
    found[boosts.rows] += boosts.values
    return found


def test_it_averages_the_history_and_says_so(fragile: Start, encoder: FakeEncoder, bundle: Bundle) -> None:
    server = fragile(max_queue=1, fast_path=True)
    with crowded(server, encoder):
        answer = server.post(history=HISTORY, k=5, exclude={"seen": False}).json()
        assert encoder.users == 0
    assert answer["degraded"] == ["encoder"]
    right = scores(bundle, {1: 0.5, 2: 1.0})
    best = np.argsort(-right)[:5]
    assert [item["item_id"] for item in answer["items"]] == [bundle.catalogue.item_ids[row] for row in best]
    assert [item["score"] for item in answer["items"]] == pytest.approx(right[best].tolist(), abs=1e-5)
    count = server.recommender.metrics.registry.get_sample_value
    assert count("laser_degraded_total", {"what": "encoder"}) == 1
    assert server.post(history=HISTORY).json()["degraded"] == []


def test_filters_and_words_hold_and_phrases_are_told_as_ignored(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile(max_queue=1, fast_path=True)
    with crowded(server, encoder):
        answer = server.post(
            history=HISTORY,
            constraint="under $20, not Stanley, something shiny",
            filter={"must": [{"key": "genres", "in": ["tools"]}]},
            k=50,
            explain=True,
        ).json()
    assert answer["degraded"] == ["encoder"]
    assert answer["items"]
    for item in answer["items"]:
        attributes = item["attributes"]
        assert attributes["price"] < 20
        assert attributes["brand"] != "Stanley"
        assert "tools" in attributes["genres"]
    assert answer["applied"]["constraint"]["as_text"] == ""
    assert any("shiny" in ignored for ignored in answer["applied"]["constraint"]["ignored"])


def test_a_history_without_an_item_of_the_catalogue_is_refused_as_ever(
    fragile: Start, encoder: FakeEncoder
) -> None:
    server = fragile(max_queue=1, fast_path=True)
    with crowded(server, encoder):
        response = server.post(history=[{"title": "something else"}])
        refused(response, 429, "overloaded", None)
        refused(server.post(constraint="under $20"), 429, "overloaded", None)


def test_it_is_off_by_default(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile(max_queue=1)
    with crowded(server, encoder):
        refused(server.post(history=HISTORY), 429, "overloaded", None)
