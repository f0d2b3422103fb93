"""More than the encoder can do, and batches it cannot do: on a real server, over real sockets."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from model.encoder import History
from tests.service.fakes import FakeEncoder
from tests.service.test_bad_input import refused
from tests.service.world import Running, wait_until

Start = Callable[..., Running]
HISTORY = [{"item_id": "i1"}]


def test_a_queue_that_would_take_too_long_is_full_however_few_wait(
    fragile: Start, encoder: FakeEncoder
) -> None:
    server = fragile(max_wait_ms=1e-6)
    assert server.post(history=HISTORY).status_code == 200  # from here on it is known what a token takes
    encoder.gate.clear()
    encoder.entered.clear()
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        waiting = pool.submit(server.post, history=HISTORY)
        wait_until(lambda: server.recommender.waiting["encode"] == 1)
        response = server.post(history=HISTORY)
        refused(response, 429, "overloaded", None)
        assert int(response.headers["retry-after"]) >= 1
        encoder.gate.set()
        assert [each.result().status_code for each in (running, waiting)] == [200, 200]


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
