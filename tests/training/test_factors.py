"""Factor pairs against dense closed forms.

Exact at full rank, optimal below it, and scoring as the index will.
"""

import numpy as np
import pytest

from training.baselines import EASE, ItemItem, ItemKNN, Popularity, TextMean
from training.baselines.scorer import recency_matrix
from training.factors import IDENTITY_SHARE, FactorScorer, factorise, popularity_factors

ITEMS = 30
RANDOM = np.random.default_rng(0)
TRAIN = [RANDOM.integers(ITEMS, size=RANDOM.integers(2, 9)) for _ in range(200)]
HISTORIES = [*TRAIN[:20], np.array([], dtype=np.int64), np.array([3, 3, 5])]
VECTORS = RANDOM.normal(size=(ITEMS, 6)).astype(np.float32)
MODELS = [EASE.fit(TRAIN, ITEMS), ItemKNN.fit(TRAIN, ITEMS), TextMean("text", VECTORS, 0.6)]


def dense_matrix(model: ItemItem | TextMean) -> np.ndarray:
    if isinstance(model, TextMean):
        return VECTORS @ VECTORS.T
    return model.matrix if isinstance(model.matrix, np.ndarray) else model.matrix.toarray()


def second_moment(decay: float) -> np.ndarray:
    bags = recency_matrix(TRAIN, ITEMS, decay).toarray()
    moment = bags.T @ bags
    return moment + IDENTITY_SHARE * np.trace(moment) / ITEMS * np.eye(ITEMS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_full_rank_factors_score_as_the_whole_matrix(model: ItemItem | TextMean) -> None:
    factors = factorise(model, ITEMS, TRAIN)
    assert factors.name == model.name
    assert factors.user_side.shape == factors.item_side.shape == (ITEMS, ITEMS)
    np.testing.assert_allclose(FactorScorer(factors).score(HISTORIES), model.score(HISTORIES), atol=2e-4)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_no_copy_of_rank_four_errs_less_on_the_histories(model: ItemItem | TextMean) -> None:
    matrix = dense_matrix(model).astype(np.float64)
    values, vectors = np.linalg.eigh(second_moment(model.decay))
    root = (vectors * np.sqrt(values)) @ vectors.T
    least = np.linalg.svd(root @ matrix, compute_uv=False)[4:]  # Eckart-Young
    factors = factorise(model, 4, TRAIN)
    error = np.linalg.norm(root @ (matrix - factors.user_side @ factors.item_side.T))
    assert error == pytest.approx(np.linalg.norm(least), rel=1e-3)
    plain = np.linalg.svd(matrix)
    truncated = (plain[0][:, :4] * plain[1][:4]) @ plain[2][:4]
    assert error <= np.linalg.norm(root @ (matrix - truncated)) + 1e-6


def test_many_items_need_only_as_many_columns_as_the_rank() -> None:
    random = np.random.default_rng(1)
    low = (random.normal(size=(120, 5)) @ random.normal(size=(5, 120))).astype(np.float32)
    model = ItemItem("low rank", low, 0.7, 120)
    train = [random.integers(120, size=6) for _ in range(300)]
    factors = factorise(model, 5, train)
    assert factors.item_side.shape == (120, 5)
    np.testing.assert_allclose(factors.user_side @ factors.item_side.T, low, atol=1e-3)


def test_items_left_out_of_a_truncated_model_get_zeros() -> None:
    model = EASE.fit(TRAIN, ITEMS, max_items=10)
    assert model.kept is not None
    factors = factorise(model, 50, TRAIN)
    assert factors.item_side.shape == (ITEMS, 10)
    left_out = np.setdiff1d(np.arange(ITEMS), model.kept)
    assert not factors.item_side[left_out].any()
    assert not factors.user_side[left_out].any()
    np.testing.assert_allclose(FactorScorer(factors).score(HISTORIES), model.score(HISTORIES), atol=2e-4)


def test_the_same_seed_gives_the_same_factors() -> None:
    first, second = (factorise(MODELS[0], 4, TRAIN, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.item_side, second.item_side)
    np.testing.assert_array_equal(first.user_side, second.user_side)


def test_popularity_is_one_column_and_asks_no_history() -> None:
    popularity = Popularity.fit(TRAIN, ITEMS)
    factors = popularity_factors(popularity.log_counts)
    assert factors.constant
    assert factors.item_side.shape == (ITEMS, 1)
    np.testing.assert_allclose(FactorScorer(factors).score(HISTORIES), popularity.score(HISTORIES))


def test_without_histories_the_identity_alone_decides() -> None:
    factors = factorise(MODELS[0], 4, [])
    plain = np.linalg.svd(dense_matrix(MODELS[0]))
    truncated = (plain[0][:, :4] * plain[1][:4]) @ plain[2][:4]
    np.testing.assert_allclose(factors.user_side @ factors.item_side.T, truncated, atol=1e-3)
