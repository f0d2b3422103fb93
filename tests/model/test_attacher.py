"""An item that joins a catalogue is tied to it as if it had been there when the neighbours were placed."""

import numpy as np
import pytest

from model.attacher import Attacher
from model.neighbours import Neighbours, Ties
from tests.model.test_neighbours import dense
from tests.tiny import tiny_laser, tiny_neighbours

IDS = ("a", "b", "c", "d", "e")


@pytest.fixture
def model() -> Neighbours:
    """The ring a -> b -> ... -> e -> a."""
    return tiny_neighbours(5)


@pytest.fixture
def texts() -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(6, 4)).astype("f4")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def as_matrix(ties: Ties, row: int, n: int) -> np.ndarray:
    table = np.zeros((n, n), np.float32)
    table[ties.sources, row] = ties.into
    table[row, ties.targets] = ties.out
    return table


@pytest.mark.parametrize("late", ["d", "new"])  # one with neighbours of its own, one attached by its text
def test_late_ties_are_those_of_a_placement_with_the_item_in_it(
    model: Neighbours, texts: np.ndarray, late: str
) -> None:
    catalogue = ("e", "c", "d", "a", "b") if late == "d" else (*IDS, "new")
    rows = [IDS.index(item_id) if item_id in IDS else None for item_id in catalogue]
    whole = dense(model.placed(rows, texts[: len(rows)], weight=2.0))
    attacher, row = Attacher(model, IDS, 2.0), catalogue.index(late)
    place = attacher.place([item_id if item_id != late else "" for item_id in catalogue])
    similar = texts[: len(rows)] @ texts[row]
    ties = as_matrix(attacher.ties(late, place, similar, texts), row, len(rows))
    expected = np.zeros_like(whole)
    expected[row], expected[:, row] = whole[row], whole[:, row]
    assert expected.any()
    np.testing.assert_allclose(ties, expected, rtol=1e-5)


def test_who_is_not_in_the_catalogue_is_tied_to_nothing(model: Neighbours, texts: np.ndarray) -> None:
    attacher = Attacher(model, IDS, 1.0)
    place = attacher.place(["d", "x"])
    assert place.tolist() == [-1, -1, -1, 0, -1]
    assert as_matrix(attacher.ties("a", place, np.zeros(2, "f4"), texts), 1, 2).tolist() == [[0, 0], [0, 0]]
    assert as_matrix(attacher.ties("e", place, np.zeros(2, "f4"), texts), 1, 2).tolist() == [[0, 1], [0, 0]]
    nobody = attacher.place([])
    assert not as_matrix(attacher.ties("new", nobody, np.zeros(2, "f4"), texts), 1, 2).any()


def test_items_the_regression_left_out_are_not_solved(model: Neighbours) -> None:
    model.solved[1] = False
    attacher = Attacher(model, IDS, 1.0)
    assert [attacher.solved(item_id) for item_id in (*IDS, "new")] == [0, None, 2, 3, 4, None]
    assert attacher.place(["b", "a"]).tolist() == [1, -1, -1, -1, -1]


def test_a_laser_ties_by_its_own_vocabulary() -> None:
    attacher = tiny_laser(IDS).attacher()
    assert attacher is not None
    assert attacher.solved("b") == 1
    place = attacher.place(["a", "b"])
    assert attacher.ties("b", place, np.zeros(2, "f4"), np.zeros((2, 1), "f4")).into.tolist() == [
        np.float32(0.2)
    ]
    assert tiny_laser(IDS, fused=False).attacher() is None
