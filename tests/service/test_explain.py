"""Reasons worked out by hand: neighbours speak exactly, inner products by similarity."""

from pathlib import Path

import numpy as np
import pytest

from index.bundle import BundleWriter, open_bundle, write_arrays
from index.catalog import Catalogue
from index.item_index import open_index
from index.neighbours import Neighbours
from service.constraints import Vocabulary
from service.encoding import EncodedUser
from service.explain import Explainer
from service.history import Entry
from service.schemas import Reason
from service.snapshot import Snapshot

VECTORS = np.array(
    [[1, 0, 9], [0, 1, 9], [0.6, 0.8, 0], [-1, 0, 0]], np.float32
)  # z of width 2, and a column
SPEAKS_FOR_2_AND_3 = Neighbours(
    np.array([0, 2, 2, 2, 2]), np.array([2, 3], np.int32), np.array([0.5, 0.25], np.float32), decay=0.5
)


def snapshot(root: Path, neighbours: Neighbours | None) -> Snapshot:
    catalogue = Catalogue.from_records([{"item_id": f"i{row}", "title": f"thing {row}"} for row in range(4)])
    with BundleWriter(root, "hand") as writer:
        write_arrays(writer.folder, catalogue, VECTORS, VECTORS[:, :2], [[]] * 4, neighbours)
        writer.seal(encoder_fingerprint="f", data_hash="d")
    bundle = open_bundle(root, "hand")
    return Snapshot.of(bundle, open_index(bundle.vectors, "cpu"), Vocabulary(bundle.catalogue))


def user(vector: list[float], *rows: int | None) -> EncodedUser:
    """A user of this history; what has no row is a title with row 1's vector."""
    entries = tuple(
        Entry(position, row, {"title": "said"} if row is None else None) for position, row in enumerate(rows)
    )
    history = VECTORS[[1 if row is None else row for row in rows]]
    return EncodedUser(np.array(vector, np.float32), entries, history)


def explain(explainer: Explainer, rows: list[int], given: EncodedUser) -> list[list[Reason]]:
    """The reasons; and what holds of every explanation: its parts are the score, 7 more of which is the sentence's."""
    scores = [float(VECTORS[row] @ given.vector) + 7 for row in rows]
    found = explainer.explain(rows, scores, given)
    for score, (reasons, parts) in zip(scores, found, strict=True):
        assert parts.likeness + parts.neighbours + parts.sentence == pytest.approx(score, abs=1e-5)
        assert parts.likeness == pytest.approx(score - 7, abs=1e-5)
        assert parts.sentence == pytest.approx(7 - parts.neighbours, abs=1e-5)
        if given.entries and len(reasons) == len(given.entries):
            total = sum(reason.contribution for reason in reasons)
            assert total == pytest.approx(parts.likeness + parts.neighbours, abs=1e-5)
    return [reasons for reasons, _ in found]


def shown(reason: Reason) -> tuple[str | None, float, float, float, float]:
    numbers = (reason.similarity, reason.added, reason.contribution, reason.share)
    return reason.item_id, *(round(x, 4) for x in numbers)


def test_a_neighbour_may_say_more_than_the_nearest(tmp_path: Path) -> None:
    """Row 2: i0 adds 0.5 * 0.5 and has 0.6 / 1.4 of the product 0.7, together 0.55; i1, nearer, has 0.4 of it."""
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    [[first, second]] = explain(explainer, [2], user([0.5, 0.5, 0], 0, 1))
    assert shown(first) == ("i0", 0.6, 0.25, 0.55, round(0.55 / 0.95, 4))
    assert shown(second) == ("i1", 0.8, 0.0, 0.4, round(0.4 / 0.95, 4))
    assert (first.position, first.title) == (0, "thing 0")


def test_a_neighbour_speaks_where_similarity_and_product_speak_against(tmp_path: Path) -> None:
    """Nothing in the history is similar to row 3, so its likeness of -0.5 is not divided."""
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    [[reason]] = explain(explainer, [3], user([0.5, 0.5, 0], 0, 1))
    assert shown(reason) == ("i0", -1.0, 0.125, 0.125, 1.0)


@pytest.mark.parametrize(
    ("vector", "likeness"), [([0.5, 0.5, 0], 0.7), ([-0.5, -0.5, 0], -0.7), ([0, 0, 0], 0)]
)
def test_without_neighbours_the_nearest_speaks_whatever_the_product(
    vector: list[float], likeness: float, tmp_path: Path
) -> None:
    explainer = Explainer(snapshot(tmp_path, None))
    [[first, second], nothing] = explain(explainer, [2, 3], user(vector, 0, 1))
    assert shown(first) == ("i1", 0.8, 0.0, round(likeness * 0.8 / 1.4, 4), round(0.8 / 1.4, 4))
    assert shown(second) == ("i0", 0.6, 0.0, round(likeness * 0.6 / 1.4, 4), round(0.6 / 1.4, 4))
    assert nothing == []  # row 3 points away from the whole history


def test_a_title_speaks_by_similarity_and_the_items_around_it_keep_their_neighbours(tmp_path: Path) -> None:
    """i0 is the newest item of the catalogue, so it adds 0.5 whole; the title has 0.8 / 2.2 of the product twice."""
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    [reasons] = explain(explainer, [2], user([0.5, 0.5, 0], None, 0, None))
    assert shown(reasons[0]) == (
        "i0", 0.6, 0.5, round(0.5 + 0.7 * 0.6 / 2.2, 4), round((0.5 + 0.7 * 0.6 / 2.2) / 1.2, 4),
    )  # fmt: skip
    assert [reason.position for reason in reasons] == [1, 0, 2]
    assert [reason.title for reason in reasons] == ["thing 0", "said", "said"]


def test_the_three_that_say_most_are_named(tmp_path: Path) -> None:
    """Five times the same: each has a fifth, the first three are named, in the order of the history."""
    explainer = Explainer(snapshot(tmp_path, None))
    [reasons] = explain(explainer, [2], user([0.5, 0.5, 0], 1, 1, 1, 1, 1))
    assert [(reason.position, round(reason.share, 4)) for reason in reasons] == [(0, 0.2), (1, 0.2), (2, 0.2)]


def test_no_history_and_no_items_have_no_reasons(tmp_path: Path) -> None:
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    assert explain(explainer, [2, 3], user([1, 0, 0])) == [[], []]
    assert explain(explainer, [], user([1, 0, 0], 0)) == []
