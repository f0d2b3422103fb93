"""Exact nearest rows of a catalogue beyond the processor's cache, by scanning one byte a number instead of four.

A scan of all rows for few queries waits for memory. Here it reads a copy of one byte a dimension, on all cores at once,
nominates more rows than asked for, scores those with the float32 vectors, and proves that no other row belongs among
the best. Where it cannot prove that (thousands of nearly equal scores), float32 search answers instead.

    y = (x - middle) / half in [-1, 1] per dimension,  y' = y rounded to 255 steps,  q' = q * half

    q.x = q.middle + q'.y <= q.middle + q'.y' + |q'| |y - y'|       (Cauchy-Schwarz)

`residual` is the greatest |y - y'| of all rows, measured when the copy is made. A row that was not nominated has at
most the least q'.y' of the pool; so its score is bounded, and where the k-th best float32 score lies above the bound,
the answer is exact. Scaling every dimension by its own range keeps columns of other sizes from spoiling the bound.

A query took 13 ms of one core's time for 250,000 x 384 in float32, 7.5 in 16 bits, 3.7 in 8 bits.

Letters: B batch, I items, V vector width, P pool, M rows given.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import faiss
import numpy as np

from index.faiss_backends import CpuBackend
from index.masked_search import BLOCK, ROUNDING, Backend

WORTH = (
    32 * 2**20
)  # bytes of float32 vectors from which a copy pays: below, they stay in the processor's cache
SPARE = 256  # rows nominated beyond twice k; real catalogues need about 40 to prove ten
FEW_QUERIES = 12  # from so many on, one float32 matrix product is quicker than a scan a query
NEARLY_ALL = 2 / 3  # of the rows must be given for a scan that skips the others to pay


def cpu_backend(vectors: np.ndarray, longest: float) -> Backend:
    """The quickest exact backend on a CPU for float32 vectors [I, V], none of them longer than `longest`."""
    return CompressedBackend(vectors, longest) if vectors.nbytes >= WORTH else CpuBackend(vectors)


@dataclass(frozen=True, eq=False)
class _Part:
    """Consecutive rows, compressed."""

    first: int  # row
    index: faiss.IndexScalarQuantizer  # of y
    residual: float  # greatest |y - y'| of its rows

    def nominate(
        self, queries: np.ndarray, count: int, mask: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores q'.y' float32 [B, count] and rows int64 [B, count]; -inf and -1 where the part has no more."""
        chosen = faiss.SearchParameters()
        if mask is not None:
            own = np.packbits(mask[self.first : self.first + self.index.ntotal], bitorder="little")
            selector = faiss.IDSelectorBitmap(len(own), faiss.swig_ptr(own))  # neither is kept by `chosen`
            chosen.sel = selector
        scores, rows = self.index.search(queries, count, params=chosen)
        missing = rows < 0
        return np.where(missing, -np.inf, scores), np.where(missing, -1, rows + self.first)


class CompressedBackend:
    """Nearest rows of float32 vectors [I, V], exactly. Takes a quarter of their size in memory."""

    def __init__(self, vectors: np.ndarray, longest: float) -> None:
        """Makes the copy, in as many parts as there are cores: each is scanned by a thread of its own."""
        cores = faiss.omp_get_max_threads()
        self._vectors = vectors
        self._longest = longest
        self._exact = CpuBackend(vectors)
        low, high = vectors.min(axis=0), vectors.max(axis=0)
        self._middle = low / 2 + high / 2  # [V]
        self._half = np.where(high > low, high / 2 - low / 2, np.float32(1))  # [V]
        ends = np.linspace(0, len(vectors), min(cores, len(vectors)) + 1).astype(np.int64)
        # FAISS would start a team of threads for each search of each thread.
        self._threads = ThreadPoolExecutor(
            cores, "scan", initializer=faiss.omp_set_num_threads, initargs=(1,)
        )
        self._parts = list(self._threads.map(self._compress, ends[:-1], ends[1:]))
        self._residual = max(part.residual for part in self._parts)

    def nearest(self, queries: np.ndarray, k: int) -> np.ndarray:
        """See Backend."""
        if len(queries) >= FEW_QUERIES:
            return self._exact.nearest(queries, k)
        found, proven = self._scan(queries, k, None)
        if not proven.all():
            found[~proven] = self._exact.nearest(queries[~proven], k)
        return found

    def nearest_among(self, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
        """See Backend."""
        if len(queries) >= FEW_QUERIES or len(rows) < NEARLY_ALL * len(self._vectors):
            return self._exact.nearest_among(queries, rows, k)
        mask = np.zeros(len(self._vectors), bool)
        mask[rows] = True
        found, proven = self._scan(queries, k, mask)
        if not proven.all():
            found[~proven] = self._exact.nearest_among(queries[~proven], rows, k)
        return found

    def _scan(self, queries: np.ndarray, k: int, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The best k rows int64 [B, k] of a pool, best first, and bool [B]: they are the best of all."""
        scaled = queries * self._half  # q', [B, V]
        parts = list(self._threads.map(lambda part: part.nominate(scaled, 2 * k + SPARE, mask), self._parts))
        scores, pool = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
        order = np.argsort(-scores, axis=1)[:, : 2 * k + SPARE]  # [B, P]
        pool = np.take_along_axis(pool, order, axis=1)
        least = np.take_along_axis(scores, order, axis=1)[:, -1].astype(
            np.float64
        )  # -inf: all are in the pool
        found = np.empty((len(queries), k), np.int64)
        proven = np.empty(len(queries), bool)
        for b, query in enumerate(queries):
            rows = pool[b][pool[b] >= 0]
            products = self._vectors[rows] @ query
            best = np.argsort(-products)[:k]
            found[b] = rows[best]
            proven[b] = products[best[-1]] > least[b] + self._reach(query, scaled[b])
        return found, proven

    def _reach(self, query: np.ndarray, scaled: np.ndarray) -> float:
        """How far a row's float32 score may lie above its q'.y': q.middle, the residual, and rounding."""
        width = len(query)
        rounding = 2 * ROUNDING * (np.sqrt(width) * _length(scaled) + self._longest * _length(query))
        return float(query.astype(np.float64) @ self._middle + self._residual * _length(scaled) + rounding)

    def _compress(self, first: int, end: int) -> _Part:
        width = self._vectors.shape[1]
        kind = faiss.ScalarQuantizer.QT_8bit_uniform
        index = faiss.IndexScalarQuantizer(width, kind, faiss.METRIC_INNER_PRODUCT)
        index.train(np.array([[-1] * width, [1] * width], np.float32))
        codes = np.empty((end - first, width), np.uint8)
        residual = 0.0
        for start in range(first, end, BLOCK):
            block = slice(start, min(start + BLOCK, end))
            y = (self._vectors[block] - self._middle) / self._half
            coded = index.sa_encode(y)
            codes[start - first : block.stop - first] = coded
            residual = max(residual, float(np.linalg.norm(y - index.sa_decode(coded), axis=1).max()))
        index.add_sa_codes(codes)  # at once: added in pieces, the index would take up to twice the memory
        return _Part(int(first), index, residual)


def _length(vector: np.ndarray) -> float:
    return float(np.linalg.norm(vector.astype(np.float64)))
