"""FAISS as the backend of a masked search: nearest rows by inner product, of all or of given ones, on CPU or GPU; and
its k-means.

Letters: B batch, I items, V vector width, M rows given.
"""

from collections.abc import Callable

import faiss
import numpy as np

from index.masked_search import BLOCK

GPU_MOST = 2048  # FAISS selects at most so many on a GPU
GATHER = 131_072  # rows copied to the GPU in one call
ROUNDS = 10  # of k-means
SHARED = 4  # queries from which the CPU searches them together, by matrix products

Knn = Callable[
    [np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]
]  # -> scores, rows [B, k], best first


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


def k_means(vectors: np.ndarray, cells: int, seed: int) -> np.ndarray:
    """Centroids float32 [cells, V] of float32 vectors [n, V], n >= cells; the same for the same seed."""
    means = faiss.Kmeans(
        vectors.shape[1],
        cells,
        niter=ROUNDS,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=len(vectors),
    )
    means.train(vectors)
    return np.asarray(means.centroids)


def nearest_centroid(vectors: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """int64 [n]: the centroid at the least Euclidean distance to each vector."""
    return np.asarray(faiss.knn(vectors, centroids, 1)[1][:, 0])
