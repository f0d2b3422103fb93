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


def shown(reason: Reason) -> tuple[str | None, float, float, float]:
    return reason.item_id, *(round(x, 4) for x in (reason.similarity, reason.added, reason.share))


def test_a_neighbour_may_say_more_than_the_nearest(tmp_path: Path) -> None:
    """Row 2: i0 adds 0.5 * 0.5 and has 0.6 / 1.4 of the product 0.7, together 0.55; i1, nearer, has 0.4 of it."""
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    [[reason]] = explainer.reasons([2], user([0.5, 0.5, 0], 0, 1))
    assert shown(reason) == ("i0", 0.6, 0.25, round(0.55 / 0.95, 4))
    assert (reason.position, reason.title) == (0, "thing 0")


def test_a_neighbour_speaks_where_similarity_and_product_speak_against(tmp_path: Path) -> None:
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    [[reason]] = explainer.reasons([3], user([0.5, 0.5, 0], 0, 1))
    assert shown(reason) == ("i0", -1.0, 0.125, 1.0)


@pytest.mark.parametrize("vector", [[0.5, 0.5, 0], [-0.5, -0.5, 0], [0, 0, 0]])
def test_without_neighbours_the_nearest_speaks_whatever_the_product(
    vector: list[float], tmp_path: Path
) -> None:
    explainer = Explainer(snapshot(tmp_path, None))
    [[reason], nothing] = explainer.reasons([2, 3], user(vector, 0, 1))
    assert shown(reason) == ("i1", 0.8, 0.0, round(0.8 / 1.4, 4))
    assert nothing == []  # row 3 points away from the whole history


def test_a_title_speaks_by_similarity_and_the_items_around_it_keep_their_neighbours(tmp_path: Path) -> None:
    """i0 is the newest item of the catalogue, so it adds 0.5 whole; the title has 0.8 / 2.2 of the product twice."""
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    [[reason]] = explainer.reasons([2], user([0.5, 0.5, 0], None, 0, None))
    assert shown(reason) == ("i0", 0.6, 0.5, round((0.5 + 0.7 * 0.6 / 2.2) / 1.2, 4))
    assert reason.position == 1


def test_no_history_and_no_items_have_no_reasons(tmp_path: Path) -> None:
    explainer = Explainer(snapshot(tmp_path, SPEAKS_FOR_2_AND_3))
    assert explainer.reasons([2, 3], user([1, 0, 0])) == [[], []]
    assert explainer.reasons([], user([1, 0, 0], 0)) == []
