"""What runs on the search thread: filters, exclusions, the history's neighbours and the search itself, for a batch
of requests at once.

One owner thread, because GPU indexes allow no concurrent searches; batches, because one pass over the vectors
then serves several queries. A row that is filtered, excluded or seen is masked before the search, never
dropped after it.

Letters: n items, B batch, V vector width.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.filters import Filter, compile_mask
from index.item_index import ItemIndex
from index.neighbours import Boosts, Neighbours


class SearchJob(NamedTuple):
    """One query, what it may return, and the history whose neighbours are added to its scores."""

    vector: NDArray[np.float32]  # [V]
    k: int
    filter: Filter | None
    forbidden: Sequence[int]  # rows
    history: Sequence[int] = ()  # rows, oldest first; what is no item of the catalogue has no neighbours


class Found(NamedTuple):
    """Best rows first, at most k; fewer only if fewer are allowed."""

    rows: list[int]
    scores: list[float]
    allowed: int


class Searcher:
    """Runs batches of SearchJobs on one index, its catalogue and the neighbours in it."""

    def __init__(self, index: ItemIndex, catalogue: Catalogue, neighbours: Neighbours) -> None:
        self._index = index
        self._catalogue = catalogue
        self._neighbours = neighbours

    def run(self, jobs: Sequence[SearchJob]) -> list[Found]:
        """The k best allowed rows of each job."""
        queries = np.stack([job.vector for job in jobs])  # [B, V]
        largest = min(max(job.k for job in jobs), len(self._catalogue))
        masks = [self._mask(job) for job in jobs]
        found = self._index.search(queries, largest, masks, [self._boosts(job) for job in jobs])
        return [_found(job.k, *each) for job, each in zip(jobs, zip(*found, strict=True), strict=True)]

    def _mask(self, job: SearchJob) -> NDArray[np.bool_] | None:
        """bool [n], True where a row may be returned; None where all may."""
        if job.filter is None and not job.forbidden:
            return None
        allowed = (
            np.ones(len(self._catalogue), dtype=bool)
            if job.filter is None
            else np.array(compile_mask(job.filter, self._catalogue))  # a copy: the next line writes
        )
        allowed[list(job.forbidden)] = False
        return allowed

    def _boosts(self, job: SearchJob) -> Boosts | None:
        return self._neighbours.boosts(job.history) if job.history else None


def _found(k: int, rows: NDArray[np.int64], scores: NDArray[np.float32], allowed: np.int64) -> Found:
    """One query's part of a batch that was searched for the largest k in it."""
    count = min(k, int((rows >= 0).sum()))
    return Found(rows[:count].tolist(), scores[:count].tolist(), int(allowed))
