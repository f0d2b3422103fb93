"""A partition of the items into cells of near ones, by which an approximate search finds where to look.

An inverted file (Jegou, Douze and Schmid 2011) over the vectors where they lie: it holds centroids and the rows of each
cell, no copy of a vector. Chosen over a graph (HNSW) because rows are masked before they are scored, however few a
filter leaves, because it costs 4 bytes an item instead of a second copy of the vectors, and because k-means builds it
in a fraction of the time.

Items differ in length, and the highest inner product is not the nearest vector. With one more coordinate
sqrt(M^2 - |x|^2), M the greatest length, it is (Bachrach et al. 2014); the cells are made in that space, and ordered
for a query by the distance to their centroids there.

How many cells must be read is measured, not guessed: `build_partition` searches with one half of real queries until
recall@10 against the exact search reaches TARGET, and states the recall on the other half.

Letters: I items, V vector width, C cells, Q queries, P cells read.
"""

from dataclasses import dataclass

import numpy as np

from index.faiss_backends import CpuBackend, k_means, nearest_centroid

BUILD_FROM = (
    100_000  # items from which a bundle gets a partition: below, exact search takes about 20 ms on two cores
)
CELLS = 4.0  # times the root of the number of items
TARGET = 0.99  # recall@10
MOST_READ = 0.25  # of the cells: where more are needed, exact search is the better one
SAMPLE = 64  # vectors a cell that k-means looks at
TOP = 10
BLOCK = 16_384  # vectors assigned at a time


@dataclass(frozen=True, eq=False)
class Partition:
    """Cell c holds `rows[starts[c] : starts[c + 1]]`. Raises ValueError where the arrays are no partition."""

    centroids: np.ndarray  # float32 [C, V]
    offsets: (
        np.ndarray
    )  # float32 [C], half the squared length of the centroid, its further coordinate included
    starts: np.ndarray  # int64 [C + 1]
    rows: np.ndarray  # int32 [I], each row once, ascending within a cell
    longest: float  # M
    probes: int  # P, cells to read
    recall: float  # measured recall@10 against exact search, reading so many

    def __post_init__(self) -> None:
        kinds = ((self.centroids, np.float32, 2), (self.offsets, np.float32, 1), (self.starts, np.int64, 1))
        for array, kind, axes in (*kinds, (self.rows, np.int32, 1)):
            if array.dtype != kind or array.ndim != axes:
                raise ValueError(
                    f"an array is {array.dtype}{array.shape}, not {np.dtype(kind)} of {axes} axes"
                )
        cells = len(self.centroids)
        if len(self.offsets) != cells or len(self.starts) != cells + 1:
            raise ValueError("centroids, offsets and starts disagree on the number of cells")
        if self.starts[0] != 0 or self.starts[-1] != len(self.rows) or (np.diff(self.starts) < 0).any():
            raise ValueError("starts do not rise from 0 to the number of rows")
        if not np.array_equal(np.sort(self.rows), np.arange(len(self.rows))):
            raise ValueError("rows do not hold each row once")
        if not (np.isfinite(self.centroids).all() and np.isfinite(self.offsets).all()):
            raise ValueError("a centroid holds NaN or Infinity")
        if not 1 <= self.probes <= cells or not 0 <= self.recall <= 1 or not 0 < self.longest < np.inf:
            raise ValueError("probes, recall or longest cannot be")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def share(self) -> float:
        """Of all rows, those that `probes` cells hold on average."""
        return self.probes / len(self.centroids)

    def order(self, query: np.ndarray) -> np.ndarray:
        """int64 [C]: the cells from the one most likely to hold the query's best items down. `query` [V]."""
        length = float(np.linalg.norm(query))
        scale = self.longest / length if length > 0 else 0.0
        return np.argsort(self.offsets - np.float32(scale) * (self.centroids @ query), kind="stable")

    def members(self, cells: np.ndarray) -> np.ndarray:
        """int32 rows of the given cells, cell by cell."""
        return np.concatenate([self.rows[self.starts[c] : self.starts[c + 1]] for c in cells])


def build_partition(vectors: np.ndarray, queries: np.ndarray, seed: int = 0) -> Partition | None:
    """The partition of float32 vectors [I, V] that answers queries like these [Q, V]; None where exact search is
    better. Raises ValueError for fewer than 2 queries."""
    if len(queries) < 2:
        raise ValueError("at least 2 queries are needed: one half is searched with, the other measured")
    lengths = np.sqrt(np.einsum("iv,iv->i", vectors, vectors))  # [I]
    longest = float(lengths.max(initial=0.0))
    if longest == 0:
        return None
    cells = min(max(1, round(CELLS * np.sqrt(len(vectors)))), len(vectors))
    chosen = np.random.default_rng(seed).permutation(len(vectors))[: cells * SAMPLE]
    centroids = k_means(_lifted(vectors[np.sort(chosen)], longest), cells, seed)  # [C, V + 1]
    cell_of = np.concatenate(
        [
            nearest_centroid(_lifted(vectors[start : start + BLOCK], longest), centroids)
            for start in range(0, len(vectors), BLOCK)
        ]
    )  # [I]
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell_of, minlength=cells))]).astype(np.int64)
    rows = np.argsort(cell_of, kind="stable").astype(np.int32)
    offsets = np.float32(0.5) * np.einsum("cv,cv->c", centroids, centroids)
    partition = Partition(
        np.ascontiguousarray(centroids[:, :-1]), offsets, starts, rows, longest, probes=cells, recall=1.0
    )
    return _measured(partition, vectors, queries, cell_of)


def _measured(
    partition: Partition, vectors: np.ndarray, queries: np.ndarray, cell_of: np.ndarray
) -> Partition | None:
    """The partition with as few probes as reach TARGET on every other query, and the recall on the rest."""
    best = CpuBackend(vectors).nearest(np.ascontiguousarray(queries), min(TOP, len(vectors)))  # [Q, 10]
    places = np.empty(best.shape, np.int64)  # how many cells are read before that of each right answer
    for query, right, place in zip(queries, best, places, strict=True):
        rank = np.empty(len(partition.centroids), np.int64)
        rank[partition.order(query)] = np.arange(len(rank))
        place[:] = rank[cell_of[right]]
    probes = 1 + int(np.quantile(places[::2], TARGET, method="higher"))
    if probes > MOST_READ * len(partition.centroids):
        return None
    recall = float((places[1::2] < probes).mean())
    return Partition(
        partition.centroids,
        partition.offsets,
        partition.starts,
        partition.rows,
        partition.longest,
        probes,
        recall,
    )


def _lifted(vectors: np.ndarray, longest: float) -> np.ndarray:
    """float32 [n, V + 1]: all of the length M, the inner products with [query, 0] as before."""
    squared = np.einsum("iv,iv->i", vectors, vectors)
    last = np.sqrt(np.maximum(np.float32(longest) ** 2 - squared, 0))
    return np.concatenate([vectors, last[:, None].astype(np.float32)], axis=1)
