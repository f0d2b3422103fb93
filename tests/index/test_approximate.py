"""Approximate search: what it may miss is measured; what it may not do is held to as strictly as exact search."""

from dataclasses import replace

import numpy as np
import pytest

from index.approximate import PER_RESULT, ApproximateSearch
from index.item_index import ApproximateIndex, ExactIndex, open_index
from index.masked_search import SLACK, MaskedSearch
from index.neighbours import Boosts
from index.partition import TARGET, Partition, build_partition

RNG = np.random.default_rng
GROUPS, EACH = 60, 100


def world(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """6,000 vectors in 60 tight groups of different lengths, and 80 queries near some group. float32 [., 24]."""
    rng = RNG(seed)
    middles = rng.standard_normal((GROUPS, 24)) * rng.uniform(0.5, 2, (GROUPS, 1))
    vectors = np.repeat(middles, EACH, axis=0) + 0.05 * rng.standard_normal((GROUPS * EACH, 24))
    queries = middles[rng.integers(0, GROUPS, 80)] + 0.1 * rng.standard_normal((80, 24))
    return vectors.astype(np.float32), queries.astype(np.float32)


@pytest.fixture(scope="module")
def built() -> tuple[np.ndarray, np.ndarray, Partition]:
    vectors, queries = world()
    partition = build_partition(vectors, queries)
    assert partition is not None
    return vectors, queries, partition


def hand_made(probes: int = 1) -> Partition:
    """Four items on a line in two cells: rows 0 and 2 at about 1, rows 1 and 3 at about -1."""
    return Partition(
        centroids=np.array([[1.0], [-1.0]], np.float32),
        offsets=np.array([0.5, 0.5], np.float32),
        starts=np.array([0, 2, 4]),
        rows=np.array([0, 2, 1, 3], np.int32),
        longest=1.0,
        probes=probes,
        recall=1.0,
    )


def test_cells_hold_every_row_once_and_near_rows_together(
    built: tuple[np.ndarray, np.ndarray, Partition],
) -> None:
    partition = built[2]
    assert len(partition) == 6000
    assert len(partition.centroids) == 310  # 4 times the root of 6,000
    assert sorted(partition.rows.tolist()) == list(range(6000))
    for c in range(310):
        cell = partition.members(np.array([c]))
        assert len(set((cell // EACH).tolist())) <= 1  # rows of one group


def test_the_stated_recall_is_what_a_search_of_unseen_queries_reaches(
    built: tuple[np.ndarray, np.ndarray, Partition],
) -> None:
    vectors, _, partition = built
    assert 1 <= partition.probes <= 310 // 4
    assert partition.recall >= TARGET - 0.02
    queries = world(0)[1][::-1] + np.float32(0.01)
    right = ExactIndex(vectors).search(queries, 10, [None] * 80)
    found = ApproximateIndex(vectors, partition).search(queries, 10, [None] * 80)
    hits = [len({*a} & {*b}) for a, b in zip(found.rows.tolist(), right.rows.tolist(), strict=True)]
    assert sum(hits) / 800 >= partition.recall - 0.02
    assert set(found.modes) == {"approximate"}


def test_building_again_gives_the_same_cells(built: tuple[np.ndarray, np.ndarray, Partition]) -> None:
    vectors, queries, partition = built
    again = build_partition(vectors, queries)
    assert again is not None
    assert np.array_equal(again.rows, partition.rows)
    assert (again.probes, again.recall) == (partition.probes, partition.recall)


def test_vectors_without_cells_to_speak_of_get_no_partition() -> None:
    """Noise in 24 dimensions: to reach the target most cells would have to be read."""
    rng = RNG(1)
    vectors, queries = rng.standard_normal((2000, 24), np.float32), rng.standard_normal((40, 24), np.float32)
    assert build_partition(vectors, queries) is None
    assert build_partition(np.zeros((50, 3), np.float32), queries[:, :3]) is None
    with pytest.raises(ValueError, match="at least 2 queries"):
        build_partition(vectors, queries[:1])


def test_long_vectors_are_found_by_their_product_not_their_nearness() -> None:
    """A long vector far from the query has the highest product: its cell comes first."""
    partition = replace(
        hand_made(), centroids=np.array([[1.0], [3.0]], np.float32),
        offsets=np.array([4.5, 4.5], np.float32), longest=3.0,
    )  # fmt: skip
    assert partition.order(np.array([0.9], np.float32)).tolist() == [1, 0]
    assert partition.order(np.array([-0.9], np.float32)).tolist() == [0, 1]
    assert partition.order(np.zeros(1, np.float32)).tolist() == [0, 1]


def search_of(vectors: np.ndarray, partition: Partition) -> ApproximateSearch:
    index = ApproximateIndex(vectors, partition)
    return index._search


def test_masked_rows_are_replaced_by_rows_of_further_cells(
    built: tuple[np.ndarray, np.ndarray, Partition],
) -> None:
    """Enough is counted in allowed rows: where nine of ten are forbidden, ten times the cells are read."""
    vectors, queries, partition = built
    mask = RNG(5).random(6000) < 0.4
    search = search_of(vectors, partition)
    enough = PER_RESULT * (5 + SLACK)
    rows = search._rows(queries[0], enough, mask)
    assert mask[rows].all()
    assert enough <= len(rows) < mask.sum()
    [answer] = search.search(queries[:1], 5, [mask], [None])
    assert not answer.exact
    assert len(answer.rows) == 5
    assert mask[answer.rows].all()


@pytest.mark.parametrize(
    ("share", "k", "boosted", "mode"),
    [
        (1.0, 10, 0, "approximate"),
        (0.5, 10, 0, "approximate"),
        (0.05, 10, 0, "exact"),  # 300 rows: as quick to score them all
        (1.0, 200, 0, "exact"),  # 32 rows a result would be more than half of all
        (1.0, 10, 500, "approximate"),
        (1.0, 10, 5000, "exact"),  # a sentence steers: every item has a boost
    ],
)
def test_exact_search_takes_over_where_it_is_as_quick(
    built: tuple[np.ndarray, np.ndarray, Partition], share: float, k: int, boosted: int, mode: str
) -> None:
    vectors, queries, partition = built
    mask = None if share == 1.0 else RNG(2).random(6000) < share
    boosts = Boosts(np.arange(boosted), np.full(boosted, 0.5, np.float32)) if boosted else None
    found = ApproximateIndex(vectors, partition).search(queries[:1], k, [mask], [boosts])
    assert found.modes == (mode,)
    if mode == "exact":
        right = ExactIndex(vectors).search(queries[:1], k, [mask], [boosts])
        assert found.rows.tolist() == right.rows.tolist()
        assert found.scores.tolist() == right.scores.tolist()


def test_a_boosted_row_of_a_far_cell_comes_in(built: tuple[np.ndarray, np.ndarray, Partition]) -> None:
    vectors, queries, partition = built
    far = int((vectors @ queries[0]).argmin())
    forbidden = int((vectors @ queries[0]).argsort()[1])
    mask = np.arange(6000) != forbidden
    boosts = Boosts(np.sort([far, forbidden]), np.array([500, 500], np.float32))
    found = ApproximateIndex(vectors, partition).search(queries[:1], 3, [mask], [boosts])
    assert found.modes == ("approximate",)
    assert found.rows[0, 0] == far
    assert found.scores[0, 0] == pytest.approx(500 + float(vectors[far] @ queries[0]), abs=1e-3)
    assert forbidden not in found.rows


def test_a_mixed_batch_is_answered_as_each_alone(built: tuple[np.ndarray, np.ndarray, Partition]) -> None:
    vectors, queries, partition = built
    masks = [None, np.arange(6000) < 50, RNG(3).random(6000) < 0.7, np.zeros(6000, bool)]
    index = ApproximateIndex(vectors, partition)
    together = index.search(queries[:4], 10, masks)
    assert together.modes == ("approximate", "exact", "approximate", "exact")
    assert together.allowed.tolist() == [6000, 50, int(np.sum(masks[2])), 0]
    for b in range(4):
        alone = index.search(queries[b : b + 1], 10, masks[b : b + 1])
        assert alone.rows.tolist() == together.rows[b : b + 1].tolist()
        assert alone.scores.tolist() == together.scores[b : b + 1].tolist()


def test_scores_are_those_of_exact_search(built: tuple[np.ndarray, np.ndarray, Partition]) -> None:
    vectors, queries, partition = built
    found = ApproximateIndex(vectors, partition).search(queries, 10, [None] * 80)
    everything = ExactIndex(vectors).search(queries, 6000, [None] * 80)
    for b in range(80):
        exact = dict(zip(everything.rows[b].tolist(), everything.scores[b].tolist(), strict=True))
        assert [exact[row] for row in found.rows[b].tolist()] == found.scores[b].tolist()  # to the last bit


def test_the_index_is_chosen_by_size_and_by_what_the_bundle_has(
    built: tuple[np.ndarray, np.ndarray, Partition],
) -> None:
    vectors, _, partition = built
    assert open_index(vectors, "cpu", partition, exact_items=6000).mode == "approximate"
    assert open_index(vectors, "cpu", partition, exact_items=6001).mode == "exact"
    assert open_index(vectors, "cpu", partition).mode == "exact"  # far below the default
    assert open_index(vectors, "cpu", None, exact_items=1).mode == "exact"


def test_a_partition_of_other_vectors_is_refused() -> None:
    with pytest.raises(ValueError, match="of 4 vectors of width 1, not of 5 of width 1"):
        ApproximateIndex(np.ones((5, 1), np.float32), hand_made())
    with pytest.raises(ValueError, match="of 4 vectors of width 1, not of 4 of width 2"):
        ApproximateIndex(np.ones((4, 2), np.float32), hand_made())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"centroids": np.zeros((2, 1))}, "not float32 of 2 axes"),
        ({"rows": np.array([0, 1, 2, 3])}, "not int32 of 1 axes"),
        ({"offsets": np.zeros(3, np.float32)}, "disagree on the number of cells"),
        ({"starts": np.array([0, 3, 2])}, "do not rise from 0"),
        ({"starts": np.array([0, 5, 4])}, "do not rise from 0"),
        ({"rows": np.array([0, 0, 1, 3], np.int32)}, "each row once"),
        ({"rows": np.array([0, 4, 1, 3], np.int32)}, "each row once"),
        ({"offsets": np.array([0.5, np.nan], np.float32)}, "NaN or Infinity"),
        ({"probes": 3}, "cannot be"),
        ({"probes": 0}, "cannot be"),
        ({"recall": 1.5}, "cannot be"),
        ({"longest": 0.0}, "cannot be"),
    ],
)
def test_arrays_that_are_no_partition(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(hand_made(), **changes)  # type: ignore[arg-type]


def test_the_exact_part_searches_the_same_vectors() -> None:
    vectors = np.array([[1.0], [-1.0], [0.9], [-0.9]], np.float32)
    search = search_of(vectors, hand_made())
    assert isinstance(search.exact, MaskedSearch)
    assert search.vectors is search.exact.vectors
    assert search.longest == 1.0
