"""Collective EASE: its closed form, what is kept of it, and how its decay is chosen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from tests.training_world import ITEMS, checkerboard, write_world
from training.collective_ease import NeighbourConfig, collective_ease, fit_neighbours, neighbour_scorer
from training.data import Dataset, EvalRows, leave_one_out, load_dataset
from training.ranking import rank_users, summarise

SPLIT = leave_one_out(checkerboard(100))
TEXT = np.random.default_rng(5).normal(size=(ITEMS, 16)).astype(np.float32)
CONFIG = NeighbourConfig(penalty=5.0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(write_world(tmp_path_factory.mktemp("world"), checkerboard(100)))


def test_the_weights_are_those_of_the_equation() -> None:
    rng = np.random.default_rng(0)
    users = (rng.random((30, 6)) < 0.4).astype("f4")
    tfidf, vectors = rng.random((6, 4)).astype("f4"), rng.normal(size=(6, 3)).astype("f4")
    config = NeighbourConfig(tfidf_strength=3.0, vector_strength=0.5, penalty=2.0)
    inverse = np.linalg.inv(users.T @ users + 3 * tfidf @ tfidf.T + 0.5 * vectors @ vectors.T + 2 * np.eye(6))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    weights = collective_ease(csr_array(users), csr_array(tfidf), vectors, config)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


def test_without_text_it_is_ease_and_knows_the_ring(dataset: Dataset) -> None:
    config = replace(CONFIG, tfidf_strength=0.0, vector_strength=0.0)
    fitted = fit_neighbours(config, dataset, SPLIT.train, SPLIT.valid, TEXT, 0)
    assert summarise(rank_users(neighbour_scorer(fitted, TEXT), SPLIT.test, ITEMS).served).ndcg > 0.5


def test_items_of_equal_text_are_neighbours_though_nobody_took_both(dataset: Dataset) -> None:
    twins = TEXT / np.linalg.norm(TEXT, axis=1, keepdims=True)
    twins[1] = twins[0]  # red and blue items are never in one history
    config = replace(CONFIG, tfidf_strength=0.0, vector_strength=4.0)
    rows, weights = fit_neighbours(config, dataset, SPLIT.train, SPLIT.valid, twins, 0).weights.row(0)
    others = [
        weight for row, weight in zip(rows.tolist(), weights.tolist(), strict=True) if row % 2 and row != 1
    ]
    assert weights[rows.tolist().index(1)] > 2 * max(others, default=0.0)


def test_a_row_keeps_its_strongest_weights_above_zero(dataset: Dataset) -> None:
    full = fit_neighbours(replace(CONFIG, kept=ITEMS), dataset, SPLIT.train, SPLIT.valid, TEXT, 0).weights
    cut = fit_neighbours(replace(CONFIG, kept=3), dataset, SPLIT.train, SPLIT.valid, TEXT, 0).weights
    for row in range(ITEMS):
        every, strongest = full.row(row)[1], cut.row(row)[1]
        assert (every > 0).all()
        assert sorted(strongest) == sorted(every)[-3:]


def test_the_decay_is_chosen_on_validation(dataset: Dataset) -> None:
    ndcg = {}
    for decay in (0.2, 0.95):
        fitted = fit_neighbours(replace(CONFIG, decays=(decay,)), dataset, SPLIT.train, SPLIT.valid, TEXT, 0)
        ndcg[decay] = summarise(rank_users(neighbour_scorer(fitted, TEXT), SPLIT.valid, ITEMS).served).ndcg
    better, worse = sorted(ndcg, key=ndcg.__getitem__, reverse=True)
    assert ndcg[better] > ndcg[worse] + 0.01
    for decays in ((better, worse), (worse, better)):
        config = replace(CONFIG, decays=decays)
        assert fit_neighbours(config, dataset, SPLIT.train, SPLIT.valid, TEXT, 0).decay == better
    nobody = EvalRows(np.zeros(0, np.int64), (), np.zeros(0, np.int64))
    only = replace(CONFIG, decays=(0.6,))
    assert fit_neighbours(only, dataset, SPLIT.train, nobody, TEXT, 0).decay == 0.6


def test_beyond_max_items_the_most_frequent_are_solved(dataset: Dataset) -> None:
    train = [*SPLIT.train, *[np.array([3, 5, 7, 9])] * 50]
    fitted = fit_neighbours(replace(CONFIG, max_items=4), dataset, train, SPLIT.valid, TEXT, 0)
    assert np.flatnonzero(fitted.solved).tolist() == [3, 5, 7, 9]
    sources, targets, _ = fitted.weights.entries()
    assert set(sources) | set(targets) <= {3, 5, 7, 9}
    assert fitted.text_strength == 6.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tfidf_strength": -1.0}, "must be at least 0"),
        ({"penalty": 0.0}, "penalty must be above 0, not 0.0"),
        ({"kept": 0}, "must be at least 1"),
        ({"decays": ()}, "decays must lie in"),
        ({"decays": (0.5, 1.5)}, r"decays must lie in \(0, 1\], not \(0.5, 1.5\)"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NeighbourConfig(**change)  # type: ignore[arg-type]
