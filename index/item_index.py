"""The item index: the k allowed items of highest inner product, exactly k or all there are, never a
forbidden one.

    index = open_index(vectors)                       # float32 [n, V], a row an item
    index.search(queries, k, [None, mask])            # one mask a query: bool [n], or None

Both indexes here are exact and share the rules of masked_search.py; they differ in where the arithmetic runs.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Literal, NamedTuple, Protocol

import faiss
import numpy as np

from index.masked_search import BLOCK, MaskedSearch
from index.tensors import all_finite

GPU_MOST = 2048  # FAISS selects at most so many on a GPU
GATHER = 131_072  # rows copied to the GPU in one call
SHARED = 4  # queries from which the CPU searches them together, by matrix products

Knn = Callable[
    [np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]
]  # -> scores, rows [B, k], best first


class SearchResult(NamedTuple):
    """Answers to a batch of B queries."""

    rows: np.ndarray  # int64 [B, k], best first; -1 where fewer than k items are allowed
    scores: np.ndarray  # float32 [B, k], inner products; -inf where there is no row
    allowed: np.ndarray  # int64 [B], how many items the mask allows


class ItemIndex(Protocol):
    """What the service needs of an index, and an engine beyond one machine would have to offer."""

    mode: str

    def search(self, queries: np.ndarray, k: int, allowed: Sequence[np.ndarray | None]) -> SearchResult:
        """Best k allowed rows for each of the float32 queries [B, V]; equal scores are ordered by row.

        Raises ValueError for k < 1, shapes that do not agree, masks that are not bool, and queries that are
        not finite.
        """
        ...


class ExactIndex:
    """Exact search on the CPU. Holds no copy of contiguous float32 vectors; any number of threads may
    search."""

    mode = "exact"

    def __init__(self, vectors: np.ndarray) -> None:
        vectors = _checked_vectors(vectors)
        self._search = MaskedSearch(vectors, CpuBackend(vectors), _longest(vectors))

    def search(self, queries: np.ndarray, k: int, allowed: Sequence[np.ndarray | None]) -> SearchResult:
        return _answer(self._search, queries, k, allowed)


class GpuExactIndex:
    """Exact search with the vectors on a CUDA device. A GPU resource serves one search at a time, so
    searches take turns."""

    mode = "exact-gpu"

    def __init__(self, vectors: np.ndarray, device: int = 0) -> None:
        vectors = _checked_vectors(vectors)
        self._search = MaskedSearch(vectors, GpuBackend(vectors, device), _longest(vectors))
        self._turn = Lock()

    def search(self, queries: np.ndarray, k: int, allowed: Sequence[np.ndarray | None]) -> SearchResult:
        with self._turn:
            return _answer(self._search, queries, k, allowed)


def open_index(vectors: np.ndarray, device: Literal["auto", "cpu", "gpu"] = "auto") -> ItemIndex:
    """The index for this machine. `auto` takes the GPU where FAISS was built for one and finds one; `gpu`
    insists on it."""
    gpus = faiss.get_num_gpus()
    if device == "gpu" and gpus == 0:
        raise ValueError(
            "device 'gpu' needs faiss-gpu and a CUDA device: install the extra `gpu`, or choose 'cpu'"
        )
    if device not in ("auto", "cpu", "gpu"):
        raise ValueError(f"device must be auto, cpu or gpu, not {device!r}")
    return GpuExactIndex(vectors) if gpus > 0 and device != "cpu" else ExactIndex(vectors)


class CpuBackend:
    """FAISS's exhaustive search on the CPU, over the vectors where they lie."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def nearest(self, queries: np.ndarray, k: int) -> np.ndarray:
        return _knn(queries, self._vectors, k)[1]

    def nearest_among(self, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
        """A few queries read the rows in place; copying them out first pays when many queries share the
        copy."""
        if len(queries) >= SHARED:
            return _gathered(_knn, queries, self._vectors, rows, k, BLOCK)
        items, width = self._vectors.shape
        found = np.empty((len(queries), k), np.int64)
        scores = np.empty((len(queries), k), np.float32)
        faiss.knn_inner_products_by_idx(  # type: ignore[attr-defined]  # missing in its stubs
            faiss.swig_ptr(queries),
            faiss.swig_ptr(self._vectors),
            faiss.swig_ptr(rows),
            width,
            len(queries),
            items,
            len(rows),
            k,
            faiss.swig_ptr(scores),
            faiss.swig_ptr(found),
            0,  # stride of the row numbers: every query reads the same ones
        )
        return found


class GpuBackend:
    """FAISS on one CUDA device: scans the vectors it holds, and sends gathered rows there for the rest.

    What needs more than FAISS can select on a GPU runs on the CPU.
    """

    def __init__(self, vectors: np.ndarray, device: int) -> None:
        self._vectors = vectors
        self._device = device
        self._cpu = CpuBackend(vectors)
        self._resources = faiss.StandardGpuResources()
        config = faiss.GpuIndexFlatConfig()
        config.device = device
        self._index = faiss.GpuIndexFlatIP(self._resources, vectors.shape[1], config)
        self._index.add(vectors)

    def nearest(self, queries: np.ndarray, k: int) -> np.ndarray:
        if k > GPU_MOST:
            return self._cpu.nearest(queries, k)
        return np.asarray(self._index.search(queries, k)[1])

    def nearest_among(self, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
        if k > GPU_MOST:
            return self._cpu.nearest_among(queries, rows, k)
        return _gathered(self._knn, queries, self._vectors, rows, k, GATHER)

    def _knn(self, queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        metric = faiss.METRIC_INNER_PRODUCT
        scores, rows = faiss.knn_gpu(self._resources, queries, vectors, k, metric=metric, device=self._device)
        return scores, rows


def _knn(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Best k <= M of each query. A batch is one matrix product a block, which reads the vectors once for all
    queries.

    FAISS makes one only beyond `distance_compute_blas_threshold`, 128,000 in 1.15; below it, it scans once a
    query.
    """
    if len(queries) < SHARED:
        scores, rows = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, rows
    best = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for start in range(0, len(vectors), BLOCK):
        scores = queries @ vectors[start : start + BLOCK].T  # [B, block]
        better = np.flatnonzero((scores > best.min(axis=1, keepdims=True)).any(axis=0))
        scores = np.concatenate([best, scores[:, better]], axis=1)
        numbers = np.concatenate([rows, np.tile(start + better, (len(queries), 1))], axis=1)
        best, rows = _best(scores, numbers, k)
    order = np.argsort(-best, axis=1)
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(rows, order, axis=1)


def _best(scores: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k entries of highest score in each row [B, >= k], in no order."""
    keep = np.argpartition(scores, -k, axis=1)[:, -k:]
    return np.take_along_axis(scores, keep, axis=1), np.take_along_axis(rows, keep, axis=1)


def _gathered(
    knn: Knn, queries: np.ndarray, vectors: np.ndarray, rows: np.ndarray, k: int, block: int
) -> np.ndarray:
    """int64 [B, k]: the k best among `rows`, copied out and searched `block` rows at a time."""
    nominated, scores = [], []
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        score, local = knn(queries, vectors[part], min(k, len(part)))
        nominated.append(part[local])
        scores.append(score)
    order = np.argsort(-np.concatenate(scores, axis=1), axis=1)[:, :k]  # [B, k]
    return np.take_along_axis(np.concatenate(nominated, axis=1), order, axis=1)


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


def _answer(
    search: MaskedSearch, queries: np.ndarray, k: int, allowed: Sequence[np.ndarray | None]
) -> SearchResult:
    """Check what was asked, search, and lay the answers out in arrays."""
    items, width = search.vectors.shape
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if queries.ndim != 2 or queries.shape[1] != width:
        raise ValueError(f"queries must have shape [batch, {width}], not {queries.shape}")
    if len(allowed) != len(queries):
        raise ValueError(f"{len(queries)} queries need as many masks (or None), not {len(allowed)}")
    for mask in allowed:
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != (items,)):
            raise ValueError(f"a mask must be bool [{items}], not {mask.dtype} {list(mask.shape)}")
    with np.errstate(over="ignore"):
        reach = np.linalg.norm(queries, axis=1) * np.float32(search.longest)  # [B], bounds every score
    if not np.isfinite(reach).all():
        raise ValueError("a query holds NaN or Infinity, or numbers so large that a score would be")
    rows = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    answers = search.search(queries, k, allowed)
    for b, answer in enumerate(answers):
        rows[b, : len(answer.rows)] = answer.rows
        scores[b, : len(answer.rows)] = answer.scores
    return SearchResult(rows, scores, np.array([answer.allowed for answer in answers], np.int64))
