"""Fusion: one inner product is the weighted sum of the scorers, computed apart."""

import numpy as np
import pytest
import torch

from model.collaborative import Collaborative
from model.fusion import Fusion
from model.id_recommenders import pad_histories
from tests.tiny import tiny_collaborative, tiny_laser, tiny_neighbours

IDS = tuple("abcdef")
POPULARITY = np.array([6, 5, 4, 3, 2, 1], np.float32)
TEXTS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
HISTORIES = [np.array([0, 1], np.int64), np.array([5], np.int64), np.array([], np.int64)]


def fusion(weights: dict[str, float], collaborative: Collaborative | None = None) -> Fusion:
    fused = Fusion(collaborative or tiny_collaborative(IDS), POPULARITY, tiny_neighbours(6), weights)
    fused.keep_texts(TEXTS, np.ones(6, int))
    return fused


def test_the_inner_product_is_the_weighted_sum_of_all_scorers() -> None:
    collaborative = tiny_collaborative(IDS, ("sasrec", "bert4rec"))
    weights = {"bert4rec": 0.3, "popularity": 0.2, "sasrec": 0.5}
    fused = fusion(weights, collaborative)
    users, items = fused.user_columns(HISTORIES), fused.table()
    assert fused.width == users.shape[1] == items.shape[1] == 8 + 8 + 1
    expected = np.zeros((3, 6))
    for name in ("sasrec", "bert4rec"):
        module = collaborative.recommenders[name]
        for user, history in enumerate(HISTORIES[:2]):
            state = module.user_vectors(pad_histories([history], 8)).detach()
            expected[user] += weights[name] * (state @ module.item_vectors.T).numpy()[0]
    expected += 0.2 * POPULARITY
    np.testing.assert_allclose(users @ items.T, expected, atol=1e-5)
    assert users.dtype == items.dtype == np.float32


def test_popularity_is_the_same_for_everybody() -> None:
    fused = fusion({"popularity": 0.5})
    np.testing.assert_array_equal(
        fused.user_columns(HISTORIES) @ fused.table().T, [[3, 2.5, 2, 1.5, 1, 0.5]] * 3
    )


def test_an_empty_history_scores_nothing_and_an_empty_batch_is_empty() -> None:
    collaborative = tiny_collaborative(IDS, ("sasrec", "bert4rec", "gru4rec"))
    fused = fusion({"sasrec": 1.0, "bert4rec": 1.0, "gru4rec": 1.0}, collaborative)
    users = fused.user_columns(HISTORIES)
    assert users[:2].any()
    assert not users[2].any()
    assert fused.user_columns([]).shape == (0, 24)


def test_a_source_of_weight_zero_has_no_column() -> None:
    assert fusion({"popularity": 1.0, "sasrec": 0.0}).weights == {"popularity": 1.0}
    nothing = fusion({"popularity": 0.0, "neighbours": 0.0})
    assert nothing.popularity is nothing.neighbours is None
    assert nothing.placed_neighbours(IDS, TEXTS) is None
    assert nothing.width == 0
    assert nothing.table().shape == (6, 0)
    assert nothing.user_columns(HISTORIES).shape == (3, 0)
    assert nothing.item_columns(["a", None], TEXTS[:2]).shape == (2, 0)


def test_without_fusion_vectors_are_z_bit_for_bit() -> None:
    fused, plain = tiny_laser(IDS), tiny_laser(IDS, fused=False)
    records = [{"item_id": item_id, "title": f"thing {item_id}"} for item_id in IDS]
    wide, narrow = fused.encode_items(records), plain.encode_items(records)
    assert plain.width == narrow.vectors.shape[1] == 32
    assert fused.width == wide.vectors.shape[1] == 32 + 8 + 1
    assert wide.vectors[:, :32].tobytes() == narrow.vectors.tobytes()
    np.testing.assert_allclose(np.linalg.norm(narrow.vectors, axis=1), 1, atol=1e-6)


def test_items_the_vocabulary_knows_have_their_own_columns() -> None:
    fused = fusion({"popularity": 2.0})
    columns = fused.item_columns(["c", "a"], np.zeros((2, 3), np.float32))
    assert columns.tolist() == [[8], [12]]


def test_neighbours_are_no_columns_and_carry_their_weight_into_the_catalogue() -> None:
    fused = fusion({"neighbours": 3.0})
    assert (fused.columns, fused.width) == ((), 0)
    placed = fused.placed_neighbours(("b", "a"), TEXTS[:2])
    assert placed is not None
    assert (placed.starts.tolist(), placed.rows.tolist(), placed.weights.tolist()) == ([0, 0, 1], [0], [3.0])
    assert placed.decay == 0.5


def around(count: int) -> np.ndarray:
    """Unit vectors [count, 2] evenly on a circle."""
    angles = np.arange(count) * 2 * np.pi / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_cold_item_has_the_mean_columns_of_the_nearest_texts() -> None:
    texts, ids = around(12), [str(n) for n in range(12)]
    popularity = np.arange(12).astype(np.float32)
    popularity[7] = 1000.0  # an untrained row must not be read
    fused = Fusion(Collaborative({}, ids, np.arange(12) != 7), popularity, None, {"popularity": 0.5})
    fused.keep_texts(texts, np.ones(12, int))
    asked = np.stack([texts[7], texts[2] + 0.01 * texts[3], texts[3]])
    columns = fused.item_columns(["7", None, "3"], asked)
    # Beside 7 lie 6, 8, 5 and 9; beside 2, a little towards 3: 2, 3, 1 and 4; 3 is known.
    np.testing.assert_allclose(columns[:, 0], [7 / 2, 10 / 4 / 2, 3 / 2])
    assert columns.dtype == np.float32


def test_items_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    fused = fusion({"sasrec": 1.0, "popularity": 1.0})
    asked = rng.normal(size=(7, 3)).astype(np.float32)
    whole = fused.item_columns([None] * 7, asked)
    monkeypatch.setattr("model.fusion.TOGETHER", 3)
    np.testing.assert_allclose(fused.item_columns([None] * 7, asked), whole, atol=1e-6)
    assert fused.item_columns([], asked[:0]).shape == (0, 9)


def test_of_many_texts_those_of_the_items_most_taken_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.fusion.KEPT", 2)
    fused = Fusion(tiny_collaborative(IDS), POPULARITY, None, {"popularity": 1.0})
    fused.keep_texts(TEXTS, np.array([1, 5, 2, 2, 9, 0]))
    assert fused.texts is not None
    assert fused.texts.rows.tolist() == [1, 4]
    np.testing.assert_array_equal(fused.texts.vectors, TEXTS[[1, 4]])
    np.testing.assert_allclose(fused.item_columns([None], TEXTS[:1]), [[(5 + 2) / 2]])


def test_where_nothing_is_known_of_any_item_a_new_one_has_zeros() -> None:
    fused = Fusion(Collaborative({}, ("a",), np.array([False])), np.ones(1, "f4"), None, {"popularity": 1.0})
    fused.keep_texts(np.ones((1, 3), "f4"), np.zeros(1, int))
    np.testing.assert_array_equal(fused.item_columns(["a", None], np.ones((2, 3), "f4")), np.zeros((2, 1)))


def test_weights_that_make_no_sense_are_refused() -> None:
    with pytest.raises(
        ValueError, match="name tfidf, the sources are sasrec, gru4rec, popularity, neighbours"
    ):
        fusion({"tfidf": 1.0})
    with pytest.raises(ValueError, match="must not be negative: popularity"):
        fusion({"popularity": -0.1})
    source = tiny_collaborative(IDS, ("sasrec",)).recommenders["sasrec"]
    with pytest.raises(ValueError, match="names of their own"):
        Fusion(Collaborative({"popularity": source}, IDS, np.ones(6, dtype=bool)), POPULARITY)


def test_user_columns_need_no_gradient() -> None:
    collaborative = tiny_collaborative(IDS)
    collaborative.recommenders["sasrec"].requires_grad_(True)
    fused = fusion({"sasrec": 1.0}, collaborative)
    assert isinstance(fused.user_columns(HISTORIES), np.ndarray)
    assert isinstance(fused.table(), np.ndarray)
    assert torch.is_grad_enabled()
