"""The choice of weights on small pools whose best weights are known, and the pool against a full ranking."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from training.data import EvalRows
from training.fusion import GRID, WeightedSum, candidate_pool, choose_weights
from training.ranking import rank_users, summarise

ITEMS = 40


class Table:
    """Scores user u by row u of a table; the history's first item says which user it is."""

    def __init__(self, name: str, table: np.ndarray) -> None:
        self.name = name
        self.table = table.astype(np.float32)

    def score(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        return self.table[[int(history[0]) for history in histories]]


def world(users: int = 30, seed: int = 0) -> tuple[EvalRows, list[Table]]:
    """Two views that each see half of the users' targets, and one that is noise."""
    random = np.random.default_rng(seed)
    targets = (np.arange(users) + 1 + random.integers(1, ITEMS - users, size=users)) % ITEMS
    views = [random.normal(size=(users, ITEMS)) for _ in range(3)]
    views[0][np.arange(users), targets] += 3.0 * (np.arange(users) % 2)
    views[1][np.arange(users), targets] += 3.0 * (np.arange(users) % 2 == 0)
    histories = tuple(np.array([user]) for user in range(users))
    return EvalRows(np.arange(users), histories, targets), [
        Table(name, view) for name, view in zip(("left", "right", "noise"), views, strict=True)
    ]


def served_ndcg(rows: EvalRows, scorers: Sequence[Table], weights: dict[str, float]) -> float:
    total = WeightedSum("sum", tuple((scorer, weights[scorer.name]) for scorer in scorers))
    return summarise(rank_users(total, rows, ITEMS).served).ndcg


def test_the_pool_gives_the_ndcg_of_a_full_ranking() -> None:
    rows, scorers = world()
    choice = choose_weights(candidate_pool(scorers, rows, ITEMS, per_scorer=ITEMS))
    assert choice.ndcg == pytest.approx(served_ndcg(rows, scorers, choice.weights))
    assert choice.users == 30


def test_a_pool_of_each_scorers_best_is_enough_for_the_first_ten() -> None:
    rows, scorers = world()
    small = choose_weights(candidate_pool(scorers, rows, ITEMS, per_scorer=15))
    assert small.ndcg == pytest.approx(served_ndcg(rows, scorers, small.weights), abs=0.01)


def test_what_helps_is_used_and_the_sum_beats_each_part() -> None:
    rows, scorers = world()
    choice = choose_weights(candidate_pool(scorers, rows, ITEMS))
    assert choice.weights["left"] > 0.2
    assert choice.weights["right"] > 0.2
    alone = [served_ndcg(rows, [scorer], {scorer.name: 1.0}) for scorer in scorers]
    assert choice.ndcg > max(alone) + 0.05


def test_a_scorer_that_only_harms_gets_zero() -> None:
    rows, (left, _, _) = world()
    against = Table("against", -left.table)
    weights = choose_weights(candidate_pool([left, against], rows, ITEMS)).weights
    assert weights == {"left": 1.0, "against": 0.0}


def test_no_pair_of_grid_weights_is_better_for_two_scorers() -> None:
    rows, scorers = world()
    pool = candidate_pool(scorers[:2], rows, ITEMS, per_scorer=ITEMS)
    best = choose_weights(pool).ndcg
    spread = [float(lead.std()) for lead in pool.leads]
    for left, right in product(GRID[::4], GRID[1::4]):
        weights = {"left": left / spread[0], "right": right / spread[1]}
        assert served_ndcg(rows, scorers[:2], weights) <= best + 1e-9


def test_the_scale_of_a_scorer_does_not_matter() -> None:
    rows, (left, right, _) = world()
    loud = Table("right", right.table * 1000)
    plain = choose_weights(candidate_pool([left, right], rows, ITEMS))
    scaled = choose_weights(candidate_pool([left, loud], rows, ITEMS))
    ratio = plain.weights["right"] / plain.weights["left"]
    assert scaled.weights["right"] / scaled.weights["left"] == pytest.approx(ratio / 1000, rel=1e-4)
    assert scaled.ndcg == pytest.approx(plain.ndcg)


def test_the_history_competes_for_nothing_and_a_repeated_target_is_a_miss() -> None:
    table = Table("table", np.array([[9.0, 8.0, 1.0, 0.0], [0.0, 5.0, 1.0, 9.0]]))
    rows = EvalRows(np.arange(2), (np.array([0, 1]), np.array([1, 3])), np.array([2, 3]))
    pool = candidate_pool([table], rows, 4)
    assert pool.reachable.tolist() == [True, False]
    assert pool.users.tolist() == [0]  # item 3 for user 0; nothing for user 1
    assert choose_weights(pool).ndcg == 0.5


def test_above_the_memory_limit_a_fixed_part_of_the_users_is_used() -> None:
    rows, scorers = world()
    limit = 10 * 4 * 3 * ITEMS  # ten users: 4 bytes, 3 scorers, at most all items
    pools = [candidate_pool(scorers, rows, ITEMS, memory_bytes=limit, seed=1) for _ in range(2)]
    assert len(pools[0].reachable) == 10
    np.testing.assert_array_equal(pools[0].leads, pools[1].leads)
    assert choose_weights(pools[0]) == choose_weights(pools[1])


def test_a_weighted_sum_adds_and_never_asks_a_scorer_of_weight_zero() -> None:
    class Silent:
        name = "silent"

        def score(self, histories: Sequence[np.ndarray]) -> np.ndarray:
            raise AssertionError("asked")

    one, two = Table("one", np.array([[1.0, 2.0]])), Table("two", np.array([[10.0, 30.0]]))
    total = WeightedSum("sum", ((one, 2.0), (two, 0.5), (Silent(), 0.0)))
    assert total.score([np.array([0])]).tolist() == [[7.0, 19.0]]
    assert one.table.tolist() == [[1.0, 2.0]], "a scorer's own table is left alone"
    with pytest.raises(ValueError, match="all weights are 0"):
        WeightedSum("sum", ((one, 0.0),)).score([np.array([0])])
