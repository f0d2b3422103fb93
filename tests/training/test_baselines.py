"""Baselines on hand-made histories whose right scores are known, and against numpy oracles."""

import math

import numpy as np
import pytest

from training.baselines import EASE, ItemKNN, Markov, Popularity, Scorer, TextMax, TextMean, ease_items
from training.baselines.scorer import binary_matrix, recency_matrix
from training.baselines.text import joined_text, tfidf_vectors


def rows(*items: int) -> np.ndarray:
    return np.array(items, dtype=np.int64)


TRAIN = [rows(0, 1, 2), rows(0, 1), rows(1, 3), rows(0)]
EMPTY = rows()


def random_train(users: int = 30, items: int = 12, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(items, size=random.integers(1, 8)) for _ in range(users)]


def test_recency_weights_the_newest_one_and_adds_up_repeats() -> None:
    bags = recency_matrix([rows(2, 0, 2), EMPTY, rows(1)], 4, 0.5).toarray()
    assert bags.tolist() == [[0.5, 0.0, 1.25, 0.0], [0.0] * 4, [0.0, 1.0, 0.0, 0.0]]


def test_the_binary_matrix_counts_a_repeat_once() -> None:
    assert binary_matrix([rows(2, 0, 2), EMPTY], 3).toarray().tolist() == [[1.0, 0.0, 1.0], [0.0] * 3]


def test_popularity_is_the_log_of_the_training_count_for_everyone() -> None:
    scores = Popularity.fit(TRAIN, 5).score([rows(4), EMPTY])
    expected = [math.log(4), math.log(4), math.log(2), math.log(2), 0.0]
    np.testing.assert_allclose(scores, [expected, expected], rtol=1e-6)


def test_markov_counts_what_followed_the_last_item_then_falls_back_to_popularity() -> None:
    model = Markov.fit(TRAIN, 5)
    scores = model.score([rows(3, 1), EMPTY])
    np.testing.assert_allclose(scores[0], [0.5, 0.5, 1 + 0.5 / 3, 1 + 0.5 / 3, 0.0], rtol=1e-6)
    np.testing.assert_allclose(scores[1], [0.5, 0.5, 0.5 / 3, 0.5 / 3, 0.0], rtol=1e-6)


def test_knn_is_the_shrunken_cosine_with_closer_pairs_counting_more() -> None:
    model = ItemKNN.fit([rows(0, 1, 2), rows(0, 2)], 4, closeness=0.5, decay=0.5, shrink=1.0)
    # 0 and 2: once two places apart (0.5), once neighbours (1); two users have 0 and two have 2
    expected = np.zeros((4, 4))
    expected[0, 2] = expected[2, 0] = 1.5 / 3
    expected[0, 1] = expected[1, 0] = expected[1, 2] = expected[2, 1] = 1 / math.sqrt(3 * 2)
    np.testing.assert_allclose(model.matrix.toarray(), expected, rtol=1e-6)
    np.testing.assert_allclose(model.score([rows(1, 2)])[0], 0.5 * expected[1] + expected[2], rtol=1e-6)


def test_knn_never_pairs_items_of_different_users() -> None:
    assert ItemKNN.fit([rows(0, 1), rows(2, 3)], 4).matrix.toarray()[:2, 2:].sum() == 0


def test_knn_agrees_with_a_loop_over_all_pairs() -> None:
    train = random_train()
    expected = np.zeros((12, 12))
    for history in train:
        for p in range(len(history)):
            for q in range(p + 1, len(history)):
                expected[history[p], history[q]] += 0.8 ** (q - p - 1)
                expected[history[q], history[p]] += 0.8 ** (q - p - 1)
    users = np.array([sum(item in history for history in train) for item in range(12)]) + 2.0
    expected /= np.sqrt(np.outer(users, users))
    np.testing.assert_allclose(ItemKNN.fit(train, 12, shrink=2.0).matrix.toarray(), expected, rtol=1e-5)


def test_ease_is_ridge_regression_from_all_other_items() -> None:
    train = random_train()
    x = binary_matrix(train, 12).toarray().astype(np.float64)
    matrix = EASE.fit(train, 12, penalty=3.0).matrix
    for item in range(12):
        others = np.delete(np.arange(12), item)
        solved = np.linalg.solve(
            x[:, others].T @ x[:, others] + 3.0 * np.eye(11), x[:, others].T @ x[:, item]
        )
        np.testing.assert_allclose(matrix[others, item], solved, atol=1e-5)
        assert matrix[item, item] == 0.0


def test_ease_over_its_limit_keeps_the_most_frequent_items_and_scores_the_rest_zero() -> None:
    train = random_train() + [rows(3, 5, 7)] * 20
    model = EASE.fit(train, 12, max_items=3)
    assert model.kept is not None
    assert model.kept.tolist() == [3, 5, 7]
    scores = model.score([rows(3, 0)])[0]
    assert set(np.flatnonzero(scores)) <= {3, 5, 7}
    part = [np.array([[3, 5, 7].index(i) for i in h if i in (3, 5, 7)], dtype=np.int64) for h in train]
    np.testing.assert_allclose(scores[[3, 5, 7]], 0.8 * EASE.fit(part, 3).matrix[0], atol=1e-6)


def test_ease_refuses_a_penalty_that_leaves_nothing_to_invert() -> None:
    with pytest.raises(ValueError, match="penalty"):
        EASE.fit(TRAIN, 4, penalty=0.0)


@pytest.mark.parametrize(
    ("items", "memory", "expected"),
    [(100, 4 << 30, 100), (50_000, 4 << 30, 20_000), (50_000, 8 * 10**6, 1000)],
)
def test_ease_takes_as_many_items_as_fit(items: int, memory: int, expected: int) -> None:
    assert ease_items(items, memory) == expected


VECTORS = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)


def test_text_mean_is_the_inner_product_with_the_weighted_sum() -> None:
    scores = TextMean("text", VECTORS, decay=0.5).score([rows(0, 2), EMPTY])
    np.testing.assert_allclose(scores, [VECTORS @ [0.5, 1.0], np.zeros(4)], rtol=1e-6)


def test_text_max_is_the_best_single_item_of_the_history() -> None:
    scores = TextMax("text", VECTORS, decay=0.5).score([rows(0, 2), EMPTY, rows(3)])
    np.testing.assert_allclose(scores[0], [0.5, 0.8, 1.0, 0.0], atol=1e-6)  # -0.5 from item 0, 0 from item 2
    np.testing.assert_allclose(scores[1], np.zeros(4))
    np.testing.assert_allclose(scores[2], VECTORS @ VECTORS[3], atol=1e-6)


def test_text_max_does_not_depend_on_how_users_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    model = TextMax("text", random.normal(size=(12, 5)).astype(np.float32))
    histories = [*random_train(), EMPTY, *random_train(seed=1)]
    whole = model.score(histories)
    monkeypatch.setattr("training.baselines.text.SIMILARITY_BYTES", 4 * 12 * 5)
    np.testing.assert_allclose(model.score(histories), whole, rtol=1e-5, atol=1e-6)


def test_sparse_and_dense_vectors_score_alike() -> None:
    vectors = tfidf_vectors(["red glue", "blue glue", "red paint", ""])
    assert vectors.shape == (4, 4)
    for kind in (TextMean, TextMax):
        sparse, dense = kind("sparse", vectors), kind("dense", vectors.toarray())
        np.testing.assert_allclose(sparse.score([rows(0, 1)]), dense.score([rows(0, 1)]), atol=1e-6)


def test_tfidf_finds_the_shared_word_and_survives_a_catalogue_without_words() -> None:
    scores = TextMean("text", tfidf_vectors(["red glue", "blue glue", "paint"])).score([rows(0)])[0]
    assert scores[0] == pytest.approx(1.0)
    assert scores[1] > 0
    assert scores[2] == 0
    assert tfidf_vectors(["", "?"]).toarray().tolist() == [[0.0], [0.0]]


def test_joined_text_takes_lists_apart_and_skips_what_is_missing() -> None:
    record = {"title": "Glue", "brand": None, "categories": ["Home", "Glues"], "price": 2}
    assert joined_text(record, ("title", "brand", "categories", "colour")) == "Glue Home Glues"


def test_every_baseline_gives_finite_float32_scores_for_any_history() -> None:
    vectors = np.eye(5, dtype=np.float32)
    scorers: list[Scorer] = [
        Popularity.fit(TRAIN, 5),
        Markov.fit(TRAIN, 5),
        ItemKNN.fit(TRAIN, 5),
        EASE.fit(TRAIN, 5),
        TextMean("mean", vectors),
        TextMax("max", vectors),
    ]
    for scorer in scorers:
        scores = scorer.score([EMPTY, rows(4), rows(0, 1, 0)])
        assert (scores.dtype, scores.shape) == (np.float32, (3, 5)), scorer.name
        assert np.isfinite(scores).all(), scorer.name
        assert scorer.score([]).shape == (0, 5), scorer.name


def test_baselines_survive_an_empty_log() -> None:
    for scorer in (Popularity.fit([], 3), Markov.fit([], 3), ItemKNN.fit([], 3), EASE.fit([EMPTY], 3)):
        assert np.isfinite(scorer.score([rows(1)])).all(), scorer.name
