"""Neighbours: what each item speaks for, decayed by age and summed over a history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.neighbours import Neighbours


def neighbours(decay: float = 0.5) -> Neighbours:
    """Row 0 speaks for 1 and 2, row 1 for 2 alone, row 2 for nothing, row 3 for 0, 1 and (twice) 2."""
    return Neighbours(
        starts=np.array([0, 2, 3, 3, 7]),
        rows=np.array([1, 2, 2, 0, 2, 1, 2], np.int32),
        weights=np.array([0.5, 0.25, 1.0, 0.75, 0.5, 2.0, 0.25], np.float32),
        decay=decay,
    )


def test_the_newest_item_counts_whole_and_older_ones_decay() -> None:
    boosts = neighbours().boosts([3, 1, 0])  # 0 counts 1, 1 counts 1/2, 3 counts 1/4
    assert boosts.rows.tolist() == [0, 1, 2]
    assert boosts.values.tolist() == [0.1875, 0.5 + 0.5, 0.25 + 0.5 + 0.125 + 0.0625]
    assert (boosts.rows.dtype, boosts.values.dtype) == (np.int64, np.float32)


def test_without_decay_the_order_of_the_history_does_not_matter() -> None:
    for history in ([0, 1], [1, 0]):
        assert neighbours(decay=1.0).boosts(history).values.tolist() == [0.5, 1.25]


def test_an_item_that_occurs_twice_counts_with_each_occurrence() -> None:
    boosts = neighbours().boosts([1, 0, 1])
    assert boosts.rows.tolist() == [1, 2]
    assert boosts.values.tolist() == [0.25, 1.0 + 0.125 + 0.25]


def test_an_item_without_neighbours_still_makes_the_others_older() -> None:
    assert neighbours().boosts([1, 2]).values.tolist() == [0.5]


@pytest.mark.parametrize("history", [[], [2], [2, 2]])
def test_a_history_that_speaks_for_nothing(history: list[int]) -> None:
    boosts = neighbours().boosts(history)
    assert (boosts.rows.tolist(), boosts.values.tolist()) == ([], [])
    assert (boosts.rows.dtype, boosts.values.dtype) == (np.int64, np.float32)


def test_parts_say_which_item_adds_what_to_which_row() -> None:
    parts = neighbours().parts([3, 1, 0], [2, 3, 0])
    assert parts.tolist() == [[0.125 + 0.0625, 0.0, 0.1875], [0.5, 0.0, 0.0], [0.25, 0.0, 0.0]]
    assert parts.dtype == np.float32


def test_parts_of_nothing() -> None:
    assert neighbours().parts([], [0, 1]).shape == (0, 2)
    assert neighbours().parts([3, 1], []).shape == (2, 0)


@pytest.mark.parametrize("history", [[4], [0, -1]])
def test_a_row_outside_the_catalogue_is_refused(history: list[int]) -> None:
    with pytest.raises(IndexError, match=r"a history row is not in 0\.\.3"):
        neighbours().boosts(history)
    with pytest.raises(IndexError, match=r"a history row is not in 0\.\.3"):
        neighbours().parts(history, [1])


def test_no_item_speaks_for_another_in_an_empty_one() -> None:
    empty = Neighbours.empty(3)
    assert len(empty) == 3
    assert empty.boosts([0, 2]).rows.tolist() == []
    assert empty.parts([0, 2], [1]).tolist() == [[0.0], [0.0]]
    assert len(Neighbours.empty(0)) == 0


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_boosts_and_parts_agree_with_the_dense_matrix(data: st.DataObject) -> None:
    n, longest = data.draw(st.integers(1, 30)), data.draw(st.integers(0, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    starts = np.concatenate([[0], np.cumsum(rng.integers(0, 6, size=n))]).astype(np.int64)
    rows = rng.integers(0, n, size=starts[-1]).astype(np.int32)
    weights = rng.random(len(rows), dtype=np.float32)
    sparse = Neighbours(starts, rows, weights, data.draw(st.sampled_from([0.25, 0.8, 1.0])))
    matrix = np.zeros((n, n))
    np.add.at(matrix, (np.repeat(np.arange(n), np.diff(starts)), rows), weights)
    history = rng.integers(0, n, size=longest).tolist()
    parts = np.array([sparse.decay ** (longest - 1 - age) * matrix[row] for age, row in enumerate(history)])
    parts = parts.reshape(longest, n)

    boosts = sparse.boosts(history)
    reached = sorted({int(row) for item in history for row in rows[starts[item] : starts[item + 1]]})
    assert boosts.rows.tolist() == reached
    np.testing.assert_allclose(boosts.values, parts.sum(axis=0)[reached], rtol=1e-6)
    asked = rng.permutation(n)[: data.draw(st.integers(0, n))]
    np.testing.assert_allclose(sparse.parts(history, asked.tolist()), parts[:, asked], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"starts": np.array([0, 2, 3, 3, 7], np.int32)},
            r"starts must be int64 with one axis, not int32\(5,\)",
        ),
        ({"rows": np.zeros((7, 1), np.int32)}, r"rows must be int32 with one axis, not int32\(7, 1\)"),
        ({"weights": np.zeros(7)}, "weights must be float32 with one axis, not float64"),
        ({"rows": np.zeros(6, np.int32)}, "6 rows need as many weights, not 7"),
        ({"starts": np.empty(0, np.int64)}, "starts do not rise from 0 to the number of weights"),
        ({"starts": np.array([1, 2, 3, 3, 7])}, "starts do not rise"),
        ({"starts": np.array([0, 2, 3, 3, 8])}, "starts do not rise"),
        ({"starts": np.array([0, 3, 2, 3, 7])}, "starts do not rise"),
        ({"rows": np.full(7, 4, np.int32)}, r"rows must lie in 0\.\.3"),
        ({"rows": np.full(7, -1, np.int32)}, r"rows must lie in 0\.\.3"),
        ({"weights": np.full(7, -0.5, np.float32)}, "weights must be finite and not negative"),
        ({"weights": np.full(7, np.nan, np.float32)}, "weights must be finite"),
        ({"weights": np.full(7, np.inf, np.float32)}, "weights must be finite"),
        ({"decay": 0.0}, "decay must lie above 0 and not above 1, not 0.0"),
        ({"decay": 1.5}, "decay must lie above 0"),
        ({"decay": float("nan")}, "decay must lie above 0"),
    ],
)
def test_what_cannot_be(change: dict[str, object], message: str) -> None:
    whole = neighbours()
    fields = {"starts": whole.starts, "rows": whole.rows, "weights": whole.weights, "decay": whole.decay}
    with pytest.raises(ValueError, match=message):
        Neighbours(**fields | change)  # type: ignore[arg-type]
