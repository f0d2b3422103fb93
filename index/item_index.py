"""The item index: the k allowed items of highest score, exactly k or all there are, never a forbidden one.

    index = open_index(vectors)                             # float32 [n, V], a row an item
    index.search(queries, k, [None, mask])                  # one mask a query: bool [n], or None
    index.search(queries, k, [None, mask], [boosts, None])  # what the neighbours of a history add

A score is the inner product of query and item, plus the query's boost of that item if it has one.

All share the rules of masked_search.py. Two are exact and differ in where the arithmetic runs; the third, for large
catalogues on a CPU, looks at a part of the items (approximate.py) and says so of each answer.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Literal, NamedTuple, Protocol

import faiss
import numpy as np

from index.approximate import ApproximateSearch
from index.compressed_scan import cpu_backend
from index.faiss_backends import GpuBackend
from index.masked_search import BLOCK, MaskedSearch
from index.neighbours import Boosts, check_boosts
from index.partition import BUILD_FROM, Partition
from index.tensors import all_finite


class SearchResult(NamedTuple):
    """Answers to a batch of B queries."""

    rows: np.ndarray  # int64 [B, k], best first; -1 where fewer than k items are allowed
    scores: np.ndarray  # float32 [B, k], boosts included; -inf where there is no row
    allowed: np.ndarray  # int64 [B], how many items the mask allows
    modes: tuple[str, ...]  # [B], how each query was answered: exact, exact-gpu or approximate


class ItemIndex(Protocol):
    """What the service needs of an index, and an engine beyond one machine would have to offer."""

    mode: str

    def search(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        boosts: Sequence[Boosts | None] | None = None,
    ) -> SearchResult:
        """Best k allowed rows for each of the float32 queries [B, V]; equal scores are ordered by row.

        A boost lifts an allowed row and never lets a forbidden one in. Raises ValueError for k < 1, shapes that do
        not agree, masks that are not bool, queries that are not finite, and boosts that are negative or not finite.
        """
        ...


class _Index:
    """What the indexes have in common: `search`, as ItemIndex says it, over whatever searches for them."""

    mode: str
    exact_mode: str  # what an exact answer is called
    _search: MaskedSearch | ApproximateSearch

    def search(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        boosts: Sequence[Boosts | None] | None = None,
    ) -> SearchResult:
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        added = (
            [None] * len(queries) if boosts is None else [b if b and len(b.rows) else None for b in boosts]
        )
        _check(self._search, queries, k, allowed, added)
        rows = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        answers = self._search.search(queries, k, allowed, added)
        for b, answer in enumerate(answers):
            rows[b, : len(answer.rows)] = answer.rows
            scores[b, : len(answer.rows)] = answer.scores
        modes = tuple(self.exact_mode if answer.exact else self.mode for answer in answers)
        return SearchResult(rows, scores, np.array([answer.allowed for answer in answers], np.int64), modes)


class ExactIndex(_Index):
    """Exact search on the CPU. Holds contiguous float32 vectors where they lie, many of them also in a byte a number;
    any number of threads may search."""

    mode = exact_mode = "exact"

    def __init__(self, vectors: np.ndarray) -> None:
        vectors = _checked_vectors(vectors)
        longest = _longest(vectors)
        self._search = MaskedSearch(vectors, cpu_backend(vectors, longest), longest)


class GpuExactIndex(_Index):
    """Exact search with the vectors on a CUDA device. A GPU resource serves one search at a time, so
    searches take turns."""

    mode = exact_mode = "exact-gpu"

    def __init__(self, vectors: np.ndarray, device: int = 0) -> None:
        vectors = _checked_vectors(vectors)
        self._search = MaskedSearch(vectors, GpuBackend(vectors, device), _longest(vectors))
        self._turn = Lock()

    def search(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        boosts: Sequence[Boosts | None] | None = None,
    ) -> SearchResult:
        with self._turn:
            return super().search(queries, k, allowed, boosts)


class ApproximateIndex(_Index):
    """Approximate search on the CPU by a partition of the vectors, exact where that is as quick. Holds them as
    ExactIndex does; any number of threads may search."""

    mode, exact_mode = "approximate", ExactIndex.mode

    def __init__(self, vectors: np.ndarray, partition: Partition) -> None:
        """Raises ValueError where the partition is not of such vectors."""
        vectors = _checked_vectors(vectors)
        if vectors.shape != (len(partition), partition.centroids.shape[1]):
            raise ValueError(
                f"the partition is of {len(partition)} vectors of width {partition.centroids.shape[1]}, "
                f"not of {vectors.shape[0]} of width {vectors.shape[1]}"
            )
        longest = _longest(vectors)
        backend = cpu_backend(vectors, longest)
        exact = MaskedSearch(vectors, backend, longest)
        self._search = ApproximateSearch(exact, backend, partition)


def open_index(
    vectors: np.ndarray,
    device: Literal["auto", "cpu", "gpu"] = "auto",
    partition: Partition | None = None,
    exact_items: int = BUILD_FROM,
) -> ItemIndex:
    """The index for this machine. `auto` takes the GPU where FAISS was built for one and finds one; `gpu`
    insists on it. On a CPU, `exact_items` or more are searched approximately if they have a partition."""
    gpus = faiss.get_num_gpus()
    if device == "gpu" and gpus == 0:
        raise ValueError(
            "device 'gpu' needs faiss-gpu and a CUDA device: install the extra `gpu`, or choose 'cpu'"
        )
    if device not in ("auto", "cpu", "gpu"):
        raise ValueError(f"device must be auto, cpu or gpu, not {device!r}")
    if gpus > 0 and device != "cpu":
        return GpuExactIndex(vectors)
    if partition is not None and len(vectors) >= exact_items:
        return ApproximateIndex(vectors, partition)
    return ExactIndex(vectors)


def _checked_vectors(vectors: np.ndarray) -> np.ndarray:
    """float32 [n, V], C-contiguous; the same memory where it is that already."""
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ValueError(f"vectors must have shape [items, width], not {vectors.shape}")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if not all_finite(vectors):
        raise ValueError("a vector holds NaN or Infinity")
    return vectors


def _longest(vectors: np.ndarray) -> float:
    lengths = [
        np.linalg.norm(vectors[start : start + BLOCK], axis=1).max()
        for start in range(0, len(vectors), BLOCK)
    ]
    return float(max(lengths, default=0.0))


def _check(
    search: MaskedSearch | ApproximateSearch,
    queries: np.ndarray,
    k: int,
    allowed: Sequence[np.ndarray | None],
    boosts: Sequence[Boosts | None],
) -> None:
    """Raises ValueError where the question has no answer."""
    items, width = search.vectors.shape
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if queries.ndim != 2 or queries.shape[1] != width:
        raise ValueError(f"queries must have shape [batch, {width}], not {queries.shape}")
    if len(allowed) != len(queries):
        raise ValueError(f"{len(queries)} queries need as many masks (or None), not {len(allowed)}")
    if len(boosts) != len(queries):
        raise ValueError(f"{len(queries)} queries need as many boosts (or None), not {len(boosts)}")
    for mask in allowed:
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != (items,)):
            raise ValueError(f"a mask must be bool [{items}], not {mask.dtype} {list(mask.shape)}")
    for each in boosts:
        if each is not None:
            check_boosts(each, items)
    most = [0.0 if each is None else float(each.values.max()) for each in boosts]
    with np.errstate(over="ignore"):
        reach = np.linalg.norm(queries, axis=1) * np.float32(search.longest)  # [B], bounds every score
        reach += np.array(most, np.float32)
    if not np.isfinite(reach).all():
        raise ValueError("a query holds NaN or Infinity, or numbers so large that a score would be")
