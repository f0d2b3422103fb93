"""Search with boosts against the numpy oracle: dense and sparse scores added, exactly, for every mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.item_index import ExactIndex
from index.masked_search import MaskedSearch
from index.neighbours import Boosts
from tests.index.test_item_index import RNG, agree, oracle, whole_numbers


def boosts(values: dict[int, float]) -> Boosts:
    return Boosts(
        np.array(sorted(values), np.int64), np.array([values[r] for r in sorted(values)], np.float32)
    )


def test_a_hand_made_search_with_boosts() -> None:
    vectors = np.array([[1, 0], [0, 1], [2, 0], [1, 1]], np.float32)
    query = np.array([[1, 0]] * 3, np.float32)
    only_0_and_1 = np.array([True, True, False, False])
    found = ExactIndex(vectors).search(
        query, 3, [None, only_0_and_1, None], [boosts({1: 1.5, 3: 1.0}), boosts({1: 1.5, 2: 9.0}), None]
    )
    assert found.rows.tolist() == [[2, 3, 1], [1, 0, -1], [2, 0, 3]]  # 2 and 3 tie: the lower one first
    assert found.scores.tolist() == [[2.0, 2.0, 1.5], [1.5, 1.0, -np.inf], [2.0, 1.0, 1.0]]
    assert found.allowed.tolist() == [4, 2, 4]


def test_a_boost_lifts_the_worst_of_many_to_the_top() -> None:
    vectors = np.linspace(1, 0, 3000, dtype=np.float32)[:, None]
    found = ExactIndex(vectors).search(np.ones((1, 1)), 3, [None], [boosts({2999: 1.5, 2998: 0.5})])
    assert found.rows.tolist() == [[2999, 0, 1]]
    assert found.scores[0, 0] == 1.5


def test_a_forbidden_row_stays_out_however_high_its_boost() -> None:
    vectors = RNG(1).standard_normal((2000, 8), np.float32)
    seen, filtered = np.arange(2000) != 7, np.arange(2000) % 20 == 0
    added = boosts({7: 1e6, 8: 100.0, 40: 50.0})
    found = ExactIndex(vectors).search(np.ones((2, 8)), 2, [seen, filtered], [added, added])
    assert found.rows[0].tolist() == [8, 40]
    assert found.rows[1, 0] == 40
    assert filtered[found.rows[1]].all()


def test_boosts_of_nothing_are_no_boosts() -> None:
    rng = RNG(2)
    vectors, queries = rng.standard_normal((500, 8), np.float32), rng.standard_normal((2, 8), np.float32)
    index = ExactIndex(vectors)
    plain = index.search(queries, 10, [None, None])
    empty = index.search(queries, 10, [None, None], [boosts({}), None])
    zero = index.search(queries, 10, [None, None], [boosts({3: 0.0, 99: 0.0}), None])
    for found in (empty, zero):
        assert found.rows.tolist() == plain.rows.tolist()
        assert found.scores.tolist() == plain.scores.tolist()


def test_an_answer_with_boosts_does_not_depend_on_its_batch() -> None:
    rng = RNG(3)
    vectors, queries = rng.standard_normal((2000, 48), np.float32), rng.standard_normal((32, 48), np.float32)
    masks = [rng.random(2000) < share for share in rng.random(32)]
    added = [
        boosts({int(row): float(rng.random()) * 30 for row in rng.integers(0, 2000, 400)}) for _ in range(32)
    ]
    index = ExactIndex(vectors)
    together = index.search(queries, 10, masks, added)
    agree(together, oracle(vectors, queries, 10, masks, added))
    for b in range(32):
        alone = index.search(queries[b : b + 1], 10, masks[b : b + 1], added[b : b + 1])
        assert alone.rows.tolist() == together.rows[b : b + 1].tolist()
        assert alone.scores.tolist() == together.scores[b : b + 1].tolist()  # to the last bit


def test_weak_boosts_cost_no_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not reach the top even with the last nominee's product is not scored."""
    vectors = np.linspace(1, 0, 5000, dtype=np.float32)[:, None]
    scored: list[int] = []
    products = MaskedSearch._products

    def counted(self: MaskedSearch, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        scored.append(len(rows))
        return products(self, query, rows)

    monkeypatch.setattr(MaskedSearch, "_products", counted)
    strong_at_the_end = boosts({row: 5.0 if row >= 3990 else 0.5 for row in range(1000, 4000)})
    found = ExactIndex(vectors).search(np.ones((1, 1)), 10, [None], [strong_at_the_end])
    assert found.rows[0].tolist() == list(range(3990, 4000))
    assert scored == [26, 128, 0]  # the nominees, the strongest boosts, none of the other 2,872
    scored.clear()
    nominees_and_others = boosts({row: 5.0 if row < 26 else 0.5 for row in range(2000)})
    found = ExactIndex(vectors).search(np.ones((1, 1)), 10, [None], [nominees_and_others])
    assert found.rows[0].tolist() == list(range(10))
    assert scored == [26, 0, 0]


def test_where_many_scores_tie_every_allowed_row_is_ranked() -> None:
    """All products are equal, so rows that were not nominated tie with nominees; the lower row comes first."""
    mask = np.arange(3000) % 2 == 1
    added = boosts({2001: 1.0, 2000: 1.0})
    found = ExactIndex(np.ones((3000, 2), np.float32)).search(
        np.ones((2, 2)), 4, [None, mask], [added, added]
    )
    assert found.rows.tolist() == [[2000, 2001, 0, 1], [2001, 1, 3, 5]]
    assert found.scores.tolist() == [[3.0, 3.0, 2.0, 2.0], [3.0, 2.0, 2.0, 2.0]]


def test_a_sum_that_rounds_up_to_the_k_th_score_ties_with_it() -> None:
    """Beside 2^30 float32 keeps steps of 64 and 128: 40 + (2^30 - 64) is 2^30, and the lower row comes first."""
    vectors = np.full((1000, 1), 50, np.float32)  # nominated, and far below any boost
    vectors[:10], vectors[10:300] = 40, 0
    added = boosts({row: 2.0**30 - 64 if row < 10 else 2.0**30 for row in range(300)})
    found = ExactIndex(vectors).search(np.ones((1, 1)), 12, [None], [added])
    assert found.rows.tolist() == [list(range(12))]
    assert found.scores.tolist() == [[2.0**30] * 12]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_boosted_search_agrees_with_the_oracle(data: st.DataObject) -> None:
    """Small whole numbers: every score is exact and ties are many, within boosts, products and their sums."""
    items, width = data.draw(st.integers(0, 900)), data.draw(st.integers(1, 4))
    batch, k = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 40))
    rng = RNG(data.draw(st.integers(0, 2**32)))
    vectors, queries = whole_numbers(rng, items, width), whole_numbers(rng, batch, width)
    masks: list[np.ndarray | None] = []
    added: list[Boosts | None] = []
    for _ in range(batch):
        share = data.draw(st.sampled_from([None, 0.0, 0.01, 0.05, 0.3, 0.7, 0.97, 1.0]))
        masks.append(None if share is None else rng.random(items) < share)
        boosted = data.draw(st.sampled_from([None, 0.0, 0.01, 0.3, 1.0]))
        rows = np.flatnonzero(rng.random(items) < (boosted or 0.0))
        values = rng.integers(0, data.draw(st.sampled_from([1, 3, 40])), size=len(rows)) / 2
        added.append(None if boosted is None else Boosts(rows, values.astype(np.float32)))
    agree(ExactIndex(vectors).search(queries, k, masks, added), oracle(vectors, queries, k, masks, added))


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ([], "1 queries need as many boosts"),
        ([boosts({1: -0.5})], "boosts must be finite and not negative"),
        ([boosts({1: np.nan, 2: 1.0})], "boosts must be finite and not negative"),
        ([boosts({1: np.inf})], "boosts must be finite and not negative"),
        ([boosts({-1: 1.0})], r"boosted rows must ascend within 0\.\.4, each once"),
        ([boosts({5: 1.0})], "boosted rows must ascend"),
        ([Boosts(np.array([2, 1]), np.ones(2, np.float32))], "boosted rows must ascend"),
        ([Boosts(np.array([1, 1]), np.ones(2, np.float32))], "boosted rows must ascend"),
        (
            [Boosts(np.array([1, 2]), np.ones(1, np.float32))],
            r"int64 \[m\] rows and float32 \[m\] values, not",
        ),
        ([Boosts(np.ones((1, 1), np.int64), np.ones((1, 1), np.float32))], r"int64 \[m\] rows"),
        ([Boosts(np.array([1], np.int32), np.ones(1, np.float32))], r"not int32\(1,\) and float32\(1,\)"),
        ([Boosts(np.array([1]), np.ones(1))], r"not int64\(1,\) and float64\(1,\)"),
    ],
)
def test_boosts_that_cannot_be_added(added: list[Boosts | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExactIndex(np.full((5, 3), 2.0, np.float32)).search(np.ones((1, 3)), 1, [None], added)


def test_a_sum_beyond_float32_is_refused() -> None:
    index = ExactIndex(np.array([[1e18]], np.float32))
    query = np.array([[1e18]], np.float32)  # a product of 1e36
    with pytest.raises(ValueError, match="so large that a score would be"):
        index.search(query, 1, [None], [boosts({0: 3.4e38})])
    assert index.search(query, 1, [None], [boosts({0: 3e38})]).rows.tolist() == [[0]]
