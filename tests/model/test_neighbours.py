"""Neighbours: weights find their places in a catalogue, and new items are attached by text, in closed form."""

import numpy as np
import pytest

from model.neighbours import Neighbours, SparseRows
from tests.tiny import tiny_neighbours


def dense(arrays: tuple) -> np.ndarray:
    """Any sparse rows as a matrix."""
    starts, rows, weights = arrays[:3]
    table = np.zeros((len(starts) - 1,) * 2, np.float32)
    for row in range(len(table)):
        span = slice(starts[row], starts[row + 1])
        table[row, rows[span]] = weights[span]
    return table


def test_entries_are_sorted_into_rows() -> None:
    table = SparseRows.from_entries(np.array([2, 0, 2]), np.array([1, 2, 0]), np.array([5, 6, 7], "f4"), 3)
    assert table.starts.tolist() == [0, 1, 1, 3]
    assert (table.rows.tolist(), table.weights.tolist()) == ([2, 0, 1], [6, 7, 5])
    assert (table.rows.dtype, table.weights.dtype) == (np.int32, np.float32)
    sources, targets, weights = table.entries()
    assert list(zip(sources, targets, weights, strict=True)) == [(0, 2, 6), (2, 0, 7), (2, 1, 5)]


def test_weights_move_to_the_rows_of_the_catalogue() -> None:
    """The ring a -> b -> c -> d -> a in a catalogue without b, in another order."""
    placed = tiny_neighbours(4).placed([3, 0, 2], np.eye(3, dtype="f4"), weight=2.0)
    assert dense(placed).tolist() == [[0, 2, 0], [0, 0, 0], [2, 0, 0]]  # d -> a, a -> nothing, c -> d
    assert placed.decay == 0.5


def neighbours(
    gram: list[list[float]], solved: list[bool], attached: int = 2, gain: float = 1.0
) -> Neighbours:
    sources, targets = np.nonzero(np.array(gram))
    counts = np.array(gram, "f4")[sources, targets]
    items = len(gram)
    empty = SparseRows.from_entries(np.zeros(0, int), np.zeros(0, int), np.zeros(0, "f4"), items)
    return Neighbours(
        empty,
        np.array(solved),
        SparseRows.from_entries(sources, targets, counts, items),
        decay=0.8,
        text_strength=2.0,
        penalty=4.0,
        new_item_gain=gain,
        attached=attached,
    )


def test_a_new_item_is_solved_over_its_nearest_ones() -> None:
    """(X'X + 2 Z Z' + 4)^-1 2 z over two items that three users took together; both ways, times the weight."""
    texts = np.array([[1, 0], [0, 1], [0.8, 0.6], [-1, 0]], "f4")  # a, b, the new item, c
    model = neighbours([[5, 3, 0], [3, 4, 1], [0, 1, 9]], [True, True, True])
    placed = dense(model.placed([0, 1, None, 2], texts, weight=10.0))
    expected = 10 * np.linalg.solve([[5 + 2 + 4, 3], [3, 4 + 2 + 4]], [1.6, 1.2])
    np.testing.assert_allclose(placed[:2, 2], expected, rtol=1e-5)
    np.testing.assert_allclose(placed[2, :2], expected, rtol=1e-5)
    assert not placed[3].any()
    assert not placed[:, 3].any()


def test_what_would_be_a_negative_weight_is_left_out() -> None:
    texts = np.array([[1, 0], [-1, 0], [1, 0]], "f4")
    placed = neighbours([[1, 0], [0, 1]], [True, True]).placed([0, 1, None], texts, weight=1.0)
    assert placed.rows.tolist() == [2, 0]
    assert (placed.weights > 0).all()


def test_an_item_outside_the_regression_is_attached_like_a_new_one() -> None:
    texts = np.array([[1, 0], [0.6, 0.8]], "f4")
    model = neighbours([[2, 1], [1, 1]], [True, False])
    as_unsolved = model.placed([0, 1], texts, weight=1.0)
    as_new = model.placed([0, None], texts, weight=1.0)
    assert dense(as_unsolved).tolist() == dense(as_new).tolist()
    assert dense(as_new)[0, 1] == pytest.approx(1.2 / (2 + 2 + 4))


def test_weights_towards_an_item_nobody_took_are_raised() -> None:
    """Not those from it, and not those towards an item with users that the regression left out."""
    texts = np.array([[1, 0], [0.6, 0.8]], "f4")
    plain, raised = (neighbours([[2, 1], [1, 1]], [True, False], gain=gain) for gain in (1.0, 2.5))
    np.testing.assert_allclose(
        dense(raised.placed([0, None], texts, 1.0)),
        dense(plain.placed([0, None], texts, 1.0)) * [[1, 2.5], [1, 1]],
    )
    assert (
        dense(raised.placed([0, 1], texts, 1.0)).tolist() == dense(plain.placed([0, 1], texts, 1.0)).tolist()
    )


def test_a_catalogue_of_strangers_has_no_neighbours() -> None:
    placed = tiny_neighbours(3).placed([None, None], np.eye(2, dtype="f4"), weight=1.0)
    assert placed.starts.tolist() == [0, 0, 0]
    assert len(placed.rows) == 0
