"""Ranking a whole split in chunks: the same answer as in one piece, both ways from one pass."""

import numpy as np
import pytest

from training.data import EvalRows
from training.ranking import chunk_users, rank_users, summarise


class Fixed:
    """Scores each user by the first item of the history: item i scores -(distance to it)."""

    name = "fixed"

    def __init__(self, n_items: int) -> None:
        self.items = np.arange(n_items)

    def score(self, histories):  # type: ignore[no-untyped-def]
        return np.array([-abs(self.items - history[0]) for history in histories], dtype=np.float32)


def eval_rows(histories: list[list[int]], targets: list[int]) -> EvalRows:
    return EvalRows(
        np.arange(len(targets)), tuple(np.array(history) for history in histories), np.array(targets)
    )


def test_as_served_drops_the_history_and_unmasked_keeps_it() -> None:
    ranked = rank_users(Fixed(10), eval_rows([[0], [0, 1], [5]], [2, 1, 5]), 10)
    assert ranked.unmasked.tolist() == [3.0, 2.0, 1.0]
    assert ranked.served.tolist() == [2.0, np.inf, np.inf]
    assert ranked.penalised.tolist() == ranked.unmasked.tolist(), "without a penalty"


def test_a_penalty_counts_in_its_own_ranking_alone() -> None:
    ranked = rank_users(Fixed(10), eval_rows([[0], [0, 1]], [2, 1]), 10, penalty=np.inf)
    assert ranked.penalised.tolist() == [2.0, 10.0]
    assert ranked.unmasked.tolist() == [3.0, 2.0]


def test_chunks_change_nothing_and_progress_counts_users() -> None:
    random = np.random.default_rng(0)
    rows = eval_rows([[int(i)] for i in random.integers(10, size=23)], random.integers(10, size=23).tolist())
    done: list[int] = []
    whole = rank_users(Fixed(10), rows, 10)
    parts = rank_users(Fixed(10), rows, 10, memory_bytes=16 * 10 * 5, progress=done.append)
    np.testing.assert_array_equal(whole.served, parts.served)
    np.testing.assert_array_equal(whole.unmasked, parts.unmasked)
    assert done == [5, 5, 5, 5, 3]


def test_a_chunk_is_never_empty() -> None:
    assert chunk_users(1_000_000, 1) == 1
    assert chunk_users(4, 64 * 10) == 10


def test_summary_of_known_ranks() -> None:
    metrics = summarise(np.array([1.0, 3.0, 20.0, np.inf]))
    assert metrics.recall == 0.5
    assert metrics.ndcg == pytest.approx((1 + 0.5) / 4)
    assert metrics.mrr == pytest.approx((1 + 1 / 3 + 1 / 20) / 4)
