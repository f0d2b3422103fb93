"""What runs on the search thread: filters, exclusions, what a sentence asks, the history's neighbours and the search
itself, for a batch of requests at once.

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
from index.filter_cache import FilterCache
from index.filters import Filter, compile_mask
from index.neighbours import Boosts
from service.constraints import Constraint
from service.constraints.obey import Obeyed, obey
from service.constraints.steering import add_boosts, steer
from service.popularity import MODE as POPULARITY
from service.popularity import most_popular
from service.snapshot import Snapshot

NOTHING = Constraint()


class SearchJob(NamedTuple):
    """One query, what it may return, and the history whose neighbours are added to its scores."""

    snapshot: Snapshot  # whose rows are meant
    vector: NDArray[np.float32]  # [V]
    k: int
    filter: Filter | None
    forbidden: Sequence[int]  # rows
    history: Sequence[int] = ()  # rows, oldest first; what is no item of the catalogue has no neighbours
    constraint: Constraint = NOTHING  # the sentence, its phrases settled
    strict: bool = True  # confident parts of the sentence filter
    popular: bool = False  # nothing is known of the user: rank by popularity, whatever the vector
    passed: NDArray[np.bool_] | None = None  # [n]: rows left out that still count in what the sentence means


class Found(NamedTuple):
    """Best rows first, at most k; fewer only if fewer are allowed."""

    rows: list[int]
    scores: list[float]
    allowed: int
    obeyed: Obeyed  # what the sentence did
    mode: str  # how they were found: exact, exact-gpu, approximate or popularity


class Searcher:
    """Runs batches of SearchJobs.

    `steering` weighs what a sentence asks for softly, in standard deviations of the user's scores.
    """

    def __init__(self, steering: float = 8.0, filters: FilterCache | None = None) -> None:
        """`filters` is of the bundle whose snapshots are searched; without it each filter is compiled anew."""
        self._steering = steering
        self._filters = filters

    def run(self, jobs: Sequence[SearchJob]) -> list[Found]:
        """The k best allowed rows of each job. Jobs of one snapshot, which nearly all are, share a search."""
        places: dict[Snapshot, list[int]] = {}
        answers: dict[int, Found] = {}
        for place, job in enumerate(jobs):
            if job.popular or _ranks_nothing(job):
                answers[place] = self._popular(job)
            else:
                places.setdefault(job.snapshot, []).append(place)
        for snapshot, members in places.items():
            answers.update(zip(members, self._search(snapshot, [jobs[n] for n in members]), strict=True))
        return [answers[place] for place in range(len(jobs))]

    def _popular(self, job: SearchJob) -> Found:
        asked = self._ask(job)
        rows, counts = most_popular(job.snapshot, asked.mask, job.k)
        allowed = len(job.snapshot.catalogue) if asked.mask is None else int(asked.mask.sum())
        return Found(rows.tolist(), counts.tolist(), allowed, asked.obeyed, POPULARITY)

    def _search(self, snapshot: Snapshot, jobs: Sequence[SearchJob]) -> list[Found]:
        queries = np.stack([job.vector for job in jobs])  # [B, V]
        largest = min(max(job.k for job in jobs), len(snapshot.catalogue))
        asked = [self._ask(job) for job in jobs]
        found = snapshot.index.search(
            queries, largest, [each.mask for each in asked], [each.boosts for each in asked]
        )
        return [
            _found(job.k, each, *answer)
            for job, each, answer in zip(jobs, asked, zip(*found, strict=True), strict=True)
        ]

    def _ask(self, job: SearchJob) -> "_Asked":
        """The job in the index's terms: the request's mask and the sentence's as one, neighbours and steering."""
        snapshot = job.snapshot
        mask = self._mask(job)
        obeyed = obey(job.constraint, snapshot.catalogue, job.strict, mask, job.history)
        if obeyed.mask is not None:
            mask = obeyed.mask if mask is None else mask & obeyed.mask
        if job.passed is not None:
            mask = ~job.passed if mask is None else mask & ~job.passed
        boosts = snapshot.neighbours.boosts(job.history) if job.history else None
        soft = [clause for clause, filters in obeyed.clauses if not filters]
        steering = steer(soft, job.constraint.leanings, snapshot.catalogue, snapshot.meanings)
        if steering is None:
            return _Asked(mask, boosts, obeyed, 0.0)
        weight = self._steering * float(np.std(snapshot.sample @ job.vector))
        return _Asked(mask, add_boosts(boosts, steering, weight), obeyed, weight * steering.shift)

    def _mask(self, job: SearchJob) -> NDArray[np.bool_] | None:
        """bool [n], True where a row may be returned; None where all may."""
        alive, catalogue = job.snapshot.alive, job.snapshot.catalogue
        if job.filter is None and not job.forbidden:
            return alive
        if job.filter is None:
            allowed = np.ones(len(catalogue), dtype=bool) if alive is None else alive.copy()
        else:
            allowed = np.array(self._compiled(job.filter, catalogue))  # a copy: the next lines write
            if alive is not None:
                allowed &= alive
        allowed[list(job.forbidden)] = False
        return allowed

    def _compiled(self, conditions: Filter, catalogue: Catalogue) -> NDArray[np.bool_]:
        if self._filters is None:
            return compile_mask(conditions, catalogue)
        return self._filters.mask(conditions, catalogue)


def _ranks_nothing(job: SearchJob) -> bool:
    """Every item would score 0: nobody's history, and of a sentence nothing but what filters. Popularity then ranks,
    where the bundle knows it."""
    return job.snapshot.popularity is not None and not job.history and not job.vector.any()


class _Asked(NamedTuple):
    """A job as the index is asked it."""

    mask: NDArray[np.bool_] | None
    boosts: Boosts | None
    obeyed: Obeyed
    shift: float  # to take off the scores


def _found(
    k: int, asked: _Asked, rows: NDArray[np.int64], scores: NDArray[np.float32], allowed: np.int64, mode: str
) -> Found:
    """One query's part of a batch that was searched for the largest k in it."""
    count = min(k, int((rows >= 0).sum()))
    shown = scores[:count] - np.float32(asked.shift)
    return Found(rows[:count].tolist(), shown.tolist(), int(allowed), asked.obeyed, mode)
