"""Fusion: one inner product is the weighted sum of the scorers, computed apart."""

import numpy as np
import pytest
import torch

from model.collaborative import Collaborative
from model.fusion import Fusion, ItemFactors
from model.id_recommenders import pad_histories
from tests.tiny import tiny_collaborative, tiny_laser

IDS = tuple("abcdef")
FACTORS = ItemFactors(
    "ease",
    user_side=np.array([[1, 0], [0, 1], [2, 0], [0, 2], [1, 1], [3, 1]], np.float32),
    item_side=np.array([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]], np.float32),
    decay=0.5,
)
POPULARITY = ItemFactors(
    "popularity",
    user_side=np.ones((6, 1), np.float32),
    item_side=np.array([[6], [5], [4], [3], [2], [1]], np.float32),
    decay=1.0,
    constant=True,
)
TEXTS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
HISTORIES = [np.array([0, 1], np.int64), np.array([5], np.int64), np.array([], np.int64)]


def fusion(weights: dict[str, float], collaborative: Collaborative | None = None) -> Fusion:
    fused = Fusion(collaborative or tiny_collaborative(IDS), [FACTORS, POPULARITY], weights)
    fused.fit_from_text(TEXTS)
    return fused


def test_a_linear_scorer_sums_its_user_side_by_recency() -> None:
    """History a, b with decay 1/2: [1, 0] / 2 + [0, 1]."""
    users = fusion({"ease": 2.0}).user_columns(HISTORIES)
    np.testing.assert_allclose(users, [[0.5, 1.0], [3.0, 1.0], [0.0, 0.0]])
    scores = users @ fusion({"ease": 2.0}).table().T
    assert scores[0].tolist() == [2 * (0.5 * first + second) for first, second in FACTORS.item_side.tolist()]


def test_the_inner_product_is_the_weighted_sum_of_all_scorers() -> None:
    collaborative = tiny_collaborative(IDS, ("sasrec", "bert4rec"))
    weights = {"bert4rec": 0.3, "ease": 0.1, "popularity": 0.2, "sasrec": 0.5}
    fused = fusion(weights, collaborative)
    users, items = fused.user_columns(HISTORIES), fused.table()
    assert fused.width == users.shape[1] == items.shape[1] == 8 + 8 + 2 + 1
    expected = np.zeros((3, 6))
    for name in ("sasrec", "bert4rec"):
        module = collaborative.recommenders[name]
        for user, history in enumerate(HISTORIES[:2]):
            state = module.user_vectors(pad_histories([history], 8)).detach()
            expected[user] += weights[name] * (state @ module.item_vectors.T).numpy()[0]
    sums = [[0.5, 1.0], [3.0, 1.0], [0.0, 0.0]]
    expected += 0.1 * np.array(sums) @ FACTORS.item_side.T
    expected += 0.2 * POPULARITY.item_side[:, 0]
    np.testing.assert_allclose(users @ items.T, expected, atol=1e-5)
    assert users.dtype == items.dtype == np.float32


def test_popularity_is_the_same_for_everybody() -> None:
    fused = fusion({"popularity": 0.5})
    np.testing.assert_array_equal(
        fused.user_columns(HISTORIES) @ fused.table().T, [[3, 2.5, 2, 1.5, 1, 0.5]] * 3
    )


def test_an_empty_history_scores_nothing_and_an_empty_batch_is_empty() -> None:
    collaborative = tiny_collaborative(IDS, ("sasrec", "bert4rec", "gru4rec"))
    fused = fusion({"sasrec": 1.0, "bert4rec": 1.0, "gru4rec": 1.0, "ease": 1.0}, collaborative)
    users = fused.user_columns(HISTORIES)
    assert users[:2].any()
    assert not users[2].any()
    assert fused.user_columns([]).shape == (0, 26)


def test_a_source_of_weight_zero_has_no_column() -> None:
    assert fusion({"ease": 1.0, "sasrec": 0.0}).weights == {"ease": 1.0}
    nothing = fusion({"ease": 0.0})
    assert nothing.width == 0
    assert nothing.table().shape == (6, 0)
    assert nothing.user_columns(HISTORIES).shape == (3, 0)
    assert nothing.item_columns(["a", None], TEXTS[:2]).shape == (2, 0)


def test_without_fusion_vectors_are_z_bit_for_bit() -> None:
    fused, plain = tiny_laser(IDS), tiny_laser(IDS, fused=False)
    records = [{"item_id": item_id, "title": f"thing {item_id}"} for item_id in IDS]
    wide, narrow = fused.encode_items(records), plain.encode_items(records)
    assert plain.width == narrow.vectors.shape[1] == 32
    assert fused.width == wide.vectors.shape[1] == 32 + 8 + 4
    assert wide.vectors[:, :32].tobytes() == narrow.vectors.tobytes()
    np.testing.assert_allclose(np.linalg.norm(narrow.vectors, axis=1), 1, atol=1e-6)


def test_items_the_vocabulary_knows_have_their_own_columns() -> None:
    fused = fusion({"ease": 2.0})
    columns = fused.item_columns(["c", "a"], np.zeros((2, 3), np.float32))
    assert columns.tolist() == [[10, 12], [2, 4]]


def test_a_cold_item_is_predicted_from_its_text() -> None:
    """Columns that are linear in the text are found again, for items nobody has met."""
    truth = np.array([[1, 2], [3, -1], [0, 1], [5, 6]], np.float32)  # three directions and a constant
    rng = np.random.default_rng(1)
    texts = rng.normal(size=(200, 3)).astype(np.float32)
    warm = np.arange(200) != 7
    table = np.concatenate([texts, np.ones((200, 1), np.float32)], axis=1) @ truth
    table[7] = 1000.0  # an untrained row must not be learned from
    ids = [str(n) for n in range(200)]
    factors = ItemFactors("ease", np.zeros_like(table), table, 1.0)
    fused = Fusion(Collaborative({}, ids, warm), [factors], {"ease": 0.5})
    fused.fit_from_text(texts, ridge=1e-6)
    columns = fused.item_columns(["unheard of", None, "7", "0"], texts[[3, 4, 7, 0]])
    expected = np.concatenate([texts[[3, 4, 7, 0]], np.ones((4, 1))], axis=1) @ truth * 0.5
    np.testing.assert_allclose(columns, expected, atol=1e-3)


def test_ridge_in_closed_form() -> None:
    """One warm item, text 1, column 6, ridge 1: (X'X + I)^-1 X'y = [2, 2]."""
    factors = ItemFactors("ease", np.zeros((2, 1), "f4"), np.array([[6], [0]], "f4"), 1.0)
    fused = Fusion(Collaborative({}, ("a", "b"), np.array([True, False])), [factors], {"ease": 1.0})
    fused.fit_from_text(np.array([[1], [9]], "f4"), ridge=1.0)
    np.testing.assert_allclose(fused.item_columns([None], np.array([[3]], "f4")), [[8]])


def test_weights_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="name tfidf, the sources are sasrec, gru4rec, ease, popularity"):
        fusion({"tfidf": 1.0})
    with pytest.raises(ValueError, match="must not be negative: ease"):
        fusion({"ease": -0.1})
    with pytest.raises(ValueError, match="names of their own"):
        Fusion(tiny_collaborative(IDS), [FACTORS, FACTORS], {})


def test_user_columns_need_no_gradient() -> None:
    collaborative = tiny_collaborative(IDS)
    collaborative.recommenders["sasrec"].requires_grad_(True)
    fused = fusion({"sasrec": 1.0}, collaborative)
    assert isinstance(fused.user_columns(HISTORIES), np.ndarray)
    assert isinstance(fused.table(), np.ndarray)
    assert torch.is_grad_enabled()
