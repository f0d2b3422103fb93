"""The penalty on the seen: nothing where repeats are right, everything where they never are, a share in between."""

from collections.abc import Sequence

import numpy as np
import pytest

from training import seen_penalty
from training.data import EvalRows
from training.seen_penalty import GRID, choose_penalty

ITEMS = 12
Rows = np.ndarray


class LikesTheSeen:
    """Scores 3 for items of the history, 1 for the item after the newest, 0 for all others."""

    name = "likes the seen"

    def score(self, histories: Sequence[Rows]) -> np.ndarray:
        scores = np.zeros((len(histories), ITEMS), dtype=np.float32)
        for user, history in enumerate(histories):
            scores[user, (history[-1] + 1) % ITEMS] = 1
            scores[user, history] = 3
        return scores


def world(targets: Sequence[int]) -> EvalRows:
    """Users that took the items 0, 1 and 2."""
    histories = tuple(np.array([0, 1, 2]) for _ in targets)
    return EvalRows(np.arange(len(targets)), histories, np.array(targets))


def test_where_the_next_item_is_always_new_the_seen_stand_behind_it() -> None:
    found = choose_penalty(LikesTheSeen(), world([3, 3, 3]), ITEMS)
    spread = float(np.std([3, 3, 3, 1] + [0] * 8))  # 1.30: twice that is the first of the grid above 3 - 1
    assert found.value == pytest.approx(2 * spread)
    assert found.ndcg_without == pytest.approx(1 / np.log2(5))  # rank 4, behind the three
    assert found.ndcg == 1.0


def test_where_the_next_item_is_always_a_repeat_nothing_is_taken_off() -> None:
    found = choose_penalty(LikesTheSeen(), world([0, 1, 2]), ITEMS)
    assert found.value == 0
    assert found.ndcg == found.ndcg_without == pytest.approx(1 / np.log2(3))  # three share rank 2


def test_a_few_repeats_do_not_outweigh_the_rest() -> None:
    found = choose_penalty(LikesTheSeen(), world([3, 3, 3, 3, 0]), ITEMS)
    assert found.value > 0
    assert found.ndcg < 1


def test_infinity_is_on_the_grid_and_chosen_only_if_all_else_is_worse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (GRID[0], GRID[-1]) == (0.0, np.inf)
    monkeypatch.setattr(seen_penalty, "GRID", (0.0, 1.0, np.inf))
    assert choose_penalty(LikesTheSeen(), world([3, 3]), ITEMS).value == np.inf


def test_validation_users_are_drawn_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_penalty, "PENALTY_USERS", 4)
    done: list[int] = []
    rows = world([3, 3, 0, 3, 3, 3, 1, 3, 3, 3])
    parts = choose_penalty(LikesTheSeen(), rows, ITEMS, seed=1, memory_bytes=16 * ITEMS, progress=done.append)
    assert done == [1, 1, 1, 1]
    assert parts == choose_penalty(LikesTheSeen(), rows, ITEMS, seed=1)
