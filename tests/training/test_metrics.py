"""Metrics against closed forms by hand, a sorting oracle in numpy, and `ranx` as an independent library."""

import importlib.util
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import (
    history_mask,
    ndcg_at,
    paired_bootstrap,
    penalised_ranks,
    recall_at,
    reciprocal,
    target_ranks,
)

SCORES = np.array([[0.1, 0.9, 0.5, 0.3], [0.4, 0.4, 0.4, 0.1]], dtype=np.float32)


def test_the_rank_counts_the_better_items_and_half_of_the_equal_ones() -> None:
    assert target_ranks(SCORES, np.array([2, 0])).tolist() == [2.0, 2.0]  # second of four; ties on 1, 2, 3
    assert target_ranks(SCORES, np.array([1, 3])).tolist() == [1.0, 4.0]


def test_excluded_items_do_not_compete() -> None:
    mask = np.array([[False, True, False, False], [True, False, False, False]])
    assert target_ranks(SCORES, np.array([2, 1]), mask).tolist() == [1.0, 1.5]


def test_a_penalty_moves_the_seen_back_and_infinity_behind_all_others() -> None:
    scores = np.array([[0.75, 1.0, 0.5, 0.25]] * 3, dtype=np.float32)
    seen = np.array([[True, True, False, False]] * 3)
    targets = np.array([2, 3, 0])  # two new ones and a repeat
    found = {p: penalised_ranks(scores, targets, seen, p).tolist() for p in (0.0, 0.25, 0.5, math.inf)}
    assert found == {
        0.0: [3.0, 4.0, 2.0],
        0.25: [2.5, 4.0, 2.5],  # item 0 falls to 0.5, level with item 2
        0.5: [1.5, 3.5, 3.5],  # item 1 falls to 0.5, item 0 to 0.25
        math.inf: [1.0, 2.0, 4.0],  # behind item 1, which was seen as well
    }
    assert found[0.0] == target_ranks(scores, targets).tolist()


def test_an_excluded_target_is_a_miss_in_every_metric() -> None:
    mask = np.array([[False, True, False, False], [False, False, False, False]])
    ranks = target_ranks(SCORES, np.array([1, 3]), mask)
    assert ranks.tolist() == [math.inf, 4.0]
    assert recall_at(ranks, 10).tolist() == [0.0, 1.0]
    assert ndcg_at(ranks, 10)[0] == 0.0
    assert reciprocal(ranks).tolist() == [0.0, 0.25]


def test_a_constant_scorer_ranks_in_the_middle() -> None:
    assert target_ranks(np.zeros((1, 101), np.float32), np.array([7])).tolist() == [51.0]


def test_minus_infinity_is_a_score_and_nan_is_refused() -> None:
    scores = np.array([[-np.inf, 1.0, -np.inf]], dtype=np.float32)
    assert target_ranks(scores, np.array([0])).tolist() == [2.5]
    with pytest.raises(ValueError, match="NaN"):
        target_ranks(np.array([[np.nan, 1.0]], dtype=np.float32), np.array([0]))


def test_metrics_at_the_cutoff() -> None:
    ranks = np.array([1.0, 3.0, 10.0, 10.5, 11.0])
    assert recall_at(ranks, 10).tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]
    np.testing.assert_allclose(ndcg_at(ranks, 10), [1.0, 0.5, 1 / math.log2(11), 0.0, 0.0])
    np.testing.assert_allclose(reciprocal(ranks), [1.0, 1 / 3, 0.1, 1 / 10.5, 1 / 11])


def test_the_history_mask_marks_each_users_own_items() -> None:
    mask = history_mask([np.array([2, 0, 2]), np.array([], dtype=np.int64), np.array([1])], 3)
    assert mask.tolist() == [[True, False, True], [False, False, False], [False, True, False]]
    assert history_mask([], 3).shape == (0, 3)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12), st.data())
def test_the_rank_is_the_average_place_over_all_orders_of_the_ties(
    values: list[int], data: st.DataObject
) -> None:
    target = data.draw(st.integers(0, len(values) - 1))
    excluded = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    allowed = [value for value, out in zip(values, excluded, strict=True) if not out]
    places = [
        place for place, value in enumerate(sorted(allowed, reverse=True), 1) if value == values[target]
    ]
    expected = math.inf if excluded[target] else sum(places) / len(places)
    scores = np.array([values], dtype=np.float32)
    assert target_ranks(scores, np.array([target]), excluded[None]).tolist() == [expected]


def test_the_bootstrap_of_a_constant_difference_is_that_constant() -> None:
    a = np.random.default_rng(0).random(50)
    interval = paired_bootstrap(a + 0.25, a)
    np.testing.assert_allclose(interval, (0.25, 0.25, 0.25))
    assert interval.excludes_zero
    assert not paired_bootstrap(a, a).excludes_zero


def test_the_bootstrap_interval_is_the_normal_one_for_many_users() -> None:
    difference = np.random.default_rng(1).normal(0.1, 1.0, size=4000)
    mean, low, high = paired_bootstrap(difference, np.zeros(4000), samples=4000)
    half = 1.96 * difference.std() / math.sqrt(4000)
    assert mean == pytest.approx(difference.mean())
    assert low == pytest.approx(mean - half, abs=0.003)
    assert high == pytest.approx(mean + half, abs=0.003)


def test_the_bootstrap_depends_on_its_seed_alone() -> None:
    a, b = np.arange(9.0), np.zeros(9)
    assert paired_bootstrap(a, b, seed=3) == paired_bootstrap(a, b, seed=3) != paired_bootstrap(a, b, seed=4)


def test_the_bootstrap_refuses_samples_that_are_not_pairs() -> None:
    with pytest.raises(ValueError, match="equally long"):
        paired_bootstrap(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="non-empty"):
        paired_bootstrap(np.zeros(0), np.zeros(0))


def random_rankings() -> tuple[np.ndarray, np.ndarray]:
    """Forty users, sixty items, no ties: the libraries below break ties in ways of their own."""
    random = np.random.default_rng(7)
    scores = random.permuted(np.tile(np.arange(60, dtype=np.float32), (40, 1)), axis=1)
    return scores, random.integers(60, size=40)


def test_scikit_learn_agrees_on_random_rankings() -> None:
    scores, targets = random_rankings()
    ranks = target_ranks(scores, targets)
    relevant = np.eye(60)[targets]
    assert ndcg_at(ranks, 10).mean() == pytest.approx(sklearn.metrics.ndcg_score(relevant, scores, k=10))
    assert reciprocal(ranks).mean() == pytest.approx(
        sklearn.metrics.label_ranking_average_precision_score(relevant, scores)
    )
    assert recall_at(ranks, 10).mean() == pytest.approx(
        sklearn.metrics.top_k_accuracy_score(targets, scores, k=10, labels=np.arange(60))
    )


RANX = """
import json, sys
import ranx
targets, scores = json.load(sys.stdin)
qrels = ranx.Qrels({f"u{user}": {f"i{target}": 1} for user, target in enumerate(targets)})
run = ranx.Run({f"u{user}": {f"i{i}": float(s) for i, s in enumerate(row)} for user, row in enumerate(scores)})
names = ["recall@10", "ndcg@10", "mrr"]
print(json.dumps([float(ranx.evaluate(qrels, run, names)[name]) for name in names]))
"""


def test_ranx_agrees_on_random_rankings() -> None:
    """In a process of its own, uncompiled: there ranx takes two seconds instead of half a minute."""
    if importlib.util.find_spec("ranx") is None:
        pytest.skip("ranx is not installed; scikit-learn has been asked above")
    scores, targets = random_rankings()
    ranks = target_ranks(scores, targets)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RANX],
        input=json.dumps([targets.tolist(), scores.tolist()]),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    recall, ndcg, mrr = json.loads(done.stdout)
    assert recall_at(ranks, 10).mean() == pytest.approx(recall)
    assert ndcg_at(ranks, 10).mean() == pytest.approx(ndcg)
    assert reciprocal(ranks).mean() == pytest.approx(mrr)
