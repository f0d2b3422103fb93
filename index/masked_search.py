"""Exact top-k by inner product plus boosts among the allowed rows, in one way for every backend.

Plain GPU FAISS ignores an `IDSelector` without an error, so no selector is used anywhere: rows are chosen
here. A backend only nominates candidates, from all rows or from the rows it is given:

- no row is forbidden, or only a few are (what a user has seen): one scan of all rows for all such queries of
  the batch. It fetches as many extra rows as are forbidden, so that k remain once the forbidden ones are
  dropped;
- a real filter: the allowed rows alone are searched, once for all queries with equal masks;
- scores too close to call at the end of what was fetched (duplicates, an all-zero query): every allowed row
  is scored.

Boosts (neighbours.py) lift a few rows of a query, and a backend knows nothing of them either: it nominates by
inner product alone. Because no boost is negative, and no row that was not nominated has a higher inner product
than the last nominee, the strongest boosts are tried one after the other until not even that inner product would
lift the next of them among the k best (the threshold algorithm of Fagin, Lotem and Naor 2001). What neither was
nominated nor is boosted scores its inner product, and stays below.

Final scores are computed here, one dot product a pair with a fixed order of additions, its boost added last, and
sorted by score, then lower row first. So a pair of query and item has one score, and an answer one order,
whatever the backend, the batch it came in and the mask.

Letters: B batch, I items, V vector width, M allowed rows, C candidates, m boosted rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from index.neighbours import Boosts

SLACK = (
    16  # candidates beyond k, so that those which nearly tie with the k-th are ordered by their final scores
)
FEW = 256  # so many forbidden rows, or fewer, are fetched and dropped
ROUNDING = 4e-6  # of |query| * |item|: two ways to compute one score agree to this
BLOCK = 8192  # rows scored at a time where all are: bounds memory
STEP = 128  # boosted rows tried at a time


class Backend(Protocol):
    """Finds nearest rows; knows nothing of masks, and may order near-ties as it likes."""

    def nearest(self, queries: np.ndarray, k: int) -> np.ndarray:
        """int64 [B, k]: the k rows of highest inner product, best first. 1 <= k <= I."""
        ...

    def nearest_among(self, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
        """int64 [B, k]: the same among `rows` (int64 [M], ascending) alone. 1 <= k <= M."""
        ...


class Answer(NamedTuple):
    """The answer to one query, best first."""

    rows: np.ndarray  # int64 [min(k, M)]
    scores: np.ndarray  # float32 [min(k, M)]
    allowed: int  # M
    exact: bool = True  # no allowed row has a better score


@dataclass(frozen=True, eq=False)
class MaskedSearch:
    """`vectors` float32 [I, V], finite, in host memory; `longest` is the greatest length among them."""

    vectors: np.ndarray
    backend: Backend
    longest: float

    def search(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        boosts: Sequence[Boosts | None],
    ) -> list[Answer]:
        """Answers float32 queries [B, V] under one mask each: bool [I], or None where everything is
        allowed. Boosts are checked ones with at least one row, or None."""
        items = len(self.vectors)
        counts = [items if mask is None else int(np.count_nonzero(mask)) for mask in allowed]
        nominated: dict[int, np.ndarray] = {}
        scanned = [b for b, count in enumerate(counts) if count > 0 and items - count <= FEW]
        if scanned:
            nominated |= self._scan(queries, k, allowed, scanned, counts)
        filters = [
            (b, mask) for b, mask in enumerate(allowed) if mask is not None and 0 < counts[b] < items - FEW
        ]
        for mask, members in _equal_masks(filters, counts):
            nominated |= self._filter(queries, k, mask, members)
        return [
            self._decide(queries[b], k, nominated[b], allowed[b], counts[b], boosts[b])
            if b in nominated
            else Answer(np.empty(0, np.int64), np.empty(0, np.float32), 0)
            for b in range(len(queries))
        ]

    def _scan(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        members: list[int],
        counts: list[int],
    ) -> dict[int, np.ndarray]:
        items = len(self.vectors)
        most_forbidden = items - min(counts[b] for b in members)
        nominated = self.backend.nearest(queries[members], min(items, k + SLACK + most_forbidden))  # [B, C]
        kept = {}
        for b, rows in zip(members, nominated, strict=True):
            mask = allowed[b]
            kept[b] = (rows if mask is None else rows[mask[rows]])[: k + SLACK]
        return kept

    def _filter(
        self, queries: np.ndarray, k: int, mask: np.ndarray, members: list[int]
    ) -> dict[int, np.ndarray]:
        rows = np.flatnonzero(mask)  # [M]
        nominated = self.backend.nearest_among(queries[members], rows, min(len(rows), k + SLACK))  # [B, C]
        return dict(zip(members, nominated, strict=True))

    def _decide(
        self,
        query: np.ndarray,
        k: int,
        nominated: np.ndarray,
        mask: np.ndarray | None,
        allowed: int,
        boosts: Boosts | None,
    ) -> Answer:
        """Rank the nominees, and what boosts lift among them, by their final scores; rank every allowed row where
        one that was left out may belong in."""
        rows, products = nominated, self._products(query, nominated)  # [C]
        scores = _plus(boosts, rows, products)
        if len(nominated) < allowed:
            rounding = 2 * ROUNDING * self.longest * float(np.linalg.norm(query))
            highest = float(products.min()) + rounding  # no row that was not nominated has a higher product
            if boosts is not None:
                rows, scores = self._lift(query, k, rows, scores, mask, boosts, highest)
            if _kth(scores, k) <= highest:
                rows = np.arange(len(self.vectors)) if mask is None else np.flatnonzero(mask)
                scores = _plus(boosts, rows, self._products(query, rows))
        return _best(rows, scores, k, allowed)

    def ranked(
        self, query: np.ndarray, k: int, rows: np.ndarray, boosts: Boosts | None, allowed: int
    ) -> Answer:
        """The k best of the given rows [C] alone, by their final scores."""
        return _best(rows, _plus(boosts, rows, self._products(query, rows)), k, allowed)

    def _lift(
        self,
        query: np.ndarray,
        k: int,
        rows: np.ndarray,
        scores: np.ndarray,
        mask: np.ndarray | None,
        boosts: Boosts,
        highest: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The candidates [C] and their scores, with all boosted rows added that may be among the k best.

        The strongest boosts go first: what they bring to the top spares most of the others their products.
        """
        free = np.ones(len(boosts.rows), bool) if mask is None else mask[boosts.rows]  # [m]
        places, boosted = _places(boosts, rows)
        free[places[boosted]] = False
        lifted = np.flatnonzero(free)
        lifted = lifted[np.argsort(-boosts.values[lifted])]
        for tried in (lifted[:STEP], lifted[STEP:]):
            # A score is rounded to float32: only sums below the number before the k-th cannot equal it.
            least = np.nextafter(_kth(scores, k), np.float32(-np.inf))
            tried = tried[highest + boosts.values[tried].astype(np.float64) >= least]
            products = self._products(query, boosts.rows[tried])
            rows = np.concatenate([rows, boosts.rows[tried]])
            scores = np.concatenate([scores, products + boosts.values[tried]])
        return rows, scores

    def _products(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Inner products float32 [C] of the rows' vectors."""
        blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        products = [np.einsum("cv,v->c", self.vectors[block], query) for block in blocks]
        return np.concatenate(products) if products else np.empty(0, np.float32)


def _best(rows: np.ndarray, scores: np.ndarray, k: int, allowed: int) -> Answer:
    """The k best of scored rows; equal scores are ordered by row."""
    order = np.lexsort((rows, -scores))[:k]
    return Answer(rows[order], scores[order], allowed)


def _kth(scores: np.ndarray, k: int) -> np.float32:
    """The k-th highest score."""
    kth: np.float32 = np.partition(scores, -k)[-k]
    return kth


def _places(boosts: Boosts, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 [C] places among the boosts, and bool [C]: the row is really there."""
    places = np.minimum(np.searchsorted(boosts.rows, rows), len(boosts.rows) - 1)
    return places, boosts.rows[places] == rows


def _plus(boosts: Boosts | None, rows: np.ndarray, products: np.ndarray) -> np.ndarray:
    """The scores [C] of rows: their products, and their boosts where they have one."""
    if boosts is None:
        return products
    places, boosted = _places(boosts, rows)
    return products + np.where(boosted, boosts.values[places], np.float32(0))


def _equal_masks(
    filters: Sequence[tuple[int, np.ndarray]], counts: Sequence[int]
) -> list[tuple[np.ndarray, list[int]]]:
    """Each different mask with its queries. A batch has few, and unequal counts tell most of those apart."""
    groups: list[tuple[np.ndarray, list[int]]] = []
    for b, mask in filters:
        for first, members in groups:
            if first is mask or (counts[members[0]] == counts[b] and np.array_equal(first, mask)):
                members.append(b)
                break
        else:
            groups.append((mask, [b]))
    return groups
