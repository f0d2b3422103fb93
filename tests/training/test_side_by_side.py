"""Items encoded side by side are the items encoded one after the other."""

import threading

import numpy as np
import pytest
import torch

from model.laser import Laser
from tests.tiny import tiny_laser
from training import side_by_side
from training.side_by_side import encode_side_by_side

RECORDS = [{"item_id": f"i{n}", "title": "red wool " * (1 + n % 5) + str(n)} for n in range(23)]


@pytest.fixture
def laser() -> Laser:
    return tiny_laser([str(record["item_id"]) for record in RECORDS])


@pytest.fixture
def shares(laser: Laser, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Who asked for how many cores, on a machine of four where a part has five items."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(side_by_side, "PART", 5)
    monkeypatch.setattr(side_by_side, "MOST_THREADS", 2)
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(
        Laser, "use_cores", lambda _, cores: asked.append((threading.current_thread().name[:10], cores))
    )
    return asked


def test_each_thread_has_its_share_of_the_cores_and_the_order_stays(
    laser: Laser, shares: list[tuple[str, int]]
) -> None:
    counts: list[int] = []
    expected = laser.encode_items(RECORDS)
    found = encode_side_by_side(laser, RECORDS, counts.append)
    assert found.token_ids == expected.token_ids
    np.testing.assert_allclose(found.text_vectors, expected.text_vectors, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.vectors, expected.vectors, rtol=0, atol=1e-5)
    assert sum(counts) == 23
    assert set(shares) == {("ThreadPool", 2), ("MainThread", 4)}
    assert shares[-1] == ("MainThread", 4)


@pytest.mark.parametrize(("items", "on_cpu"), [(5, True), (0, True), (23, False)])
def test_a_few_items_and_a_gpu_need_one_thread(
    items: int, on_cpu: bool, laser: Laser, shares: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Laser, "on_cpu", on_cpu)
    assert len(encode_side_by_side(laser, RECORDS[:items], lambda count: None).token_ids) == items
    assert shares == []


@pytest.mark.usefixtures("shares")
def test_what_fails_on_a_thread_fails_the_job(laser: Laser) -> None:
    with pytest.raises(KeyError, match="full"):
        encode_side_by_side(laser, RECORDS, lambda count: {}["full"])
