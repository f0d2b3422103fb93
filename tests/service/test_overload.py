"""More than the encoder can do, and batches it cannot do: on a real server, over real sockets."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.vectors import History
from service.access.rates import Rates
from tests.service.fakes import FakeEncoder
from tests.service.test_bad_input import refused
from tests.service.world import Running, wait_until

Start = Callable[..., Running]
HISTORY = [{"item_id": "i1"}]


@contextmanager
def one_waiting(server: Running, encoder: FakeEncoder) -> Iterator[None]:
    """While a request is encoded and another waits for that; in the end both are answered."""
    encoder.gate.clear()
    encoder.entered.clear()
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        waiting = pool.submit(server.post, history=HISTORY)
        wait_until(lambda: server.recommender.waiting["encode"] == 1)
        yield
        encoder.gate.set()
        assert [each.result().status_code for each in (running, waiting)] == [200, 200]


def test_a_queue_that_would_take_too_long_is_full_however_few_wait(
    fragile: Start, encoder: FakeEncoder
) -> None:
    server = fragile(max_wait_ms=1e-6)
    assert server.post(history=HISTORY).status_code == 200  # from here on it is known what a token takes
    with one_waiting(server, encoder):
        response = server.post(history=HISTORY)
        refused(response, 429, "overloaded", None)
        assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(("fails_from", "status"), [(2, 200), (1, 500)])
def test_a_forward_that_raises_is_tried_again_split_and_only_once(
    fragile: Start,
    encoder: FakeEncoder,
    monkeypatch: pytest.MonkeyPatch,
    fails_from: int,
    status: int,
) -> None:
    """It raises for so many requests at once: for two or more, then for any."""
    server = fragile()
    forward = encoder.encode_users
    sizes: list[int] = []

    def raises(histories: Sequence[History]) -> NDArray[np.float32]:
        sizes.append(len(histories))
        if len(sizes) > 1 and len(histories) >= fails_from:
            raise RuntimeError("out of memory")
        return forward(histories)

    monkeypatch.setattr(encoder, "encode_users", raises)
    encoder.gate.clear()
    encoder.entered.clear()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        others = [pool.submit(server.post, history=HISTORY) for _ in range(3)]
        wait_until(lambda: server.recommender.waiting["encode"] == 3)
        encoder.gate.set()
        assert first.result().status_code == 200
        assert [each.result().status_code for each in others] == [status] * 3
    assert sizes == [1, 3, 1, 1, 1]


@pytest.mark.parametrize(("fast_path", "read"), [(False, 20), (True, 24)])
def test_while_the_queue_is_full_few_requests_are_read(
    fragile: Start, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch, fast_path: bool, read: int
) -> None:
    """A body that cannot be read gets 422; the others were refused before anybody looked."""
    monkeypatch.setattr("service.stages.Rates", partial(Rates, clock=lambda: 0.0))
    server = fragile(max_queue=1, fast_path=fast_path)
    with one_waiting(server, encoder):
        broken: dict[str, Any] = {"content": b"{", "headers": {"Content-Type": "application/json"}}
        answers = [server.client.post("/recommend", **broken) for _ in range(24)]
        assert [each.status_code for each in answers] == [422] * read + [429] * (24 - read)
        for each in answers[read:]:
            refused(each, 429, "overloaded", None)
            assert int(each.headers["retry-after"]) >= 1
        assert server.client.get("/items/i1").status_code == 200
    counted = server.client.get("/metrics").text
    assert f'laser_requests_total{{route="/recommend",status="422"}} {read}.0' in counted
    assert (f'laser_requests_total{{route="/recommend",status="429"}} {24 - read}.0' in counted) is (
        read < 24
    )
