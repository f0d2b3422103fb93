"""Exact top-k by inner product among the allowed rows, in one way for every backend.

Plain GPU FAISS ignores an `IDSelector` without an error, so no selector is used anywhere: rows are chosen
here. A backend only nominates candidates, from all rows or from the rows it is given:

- no row is forbidden, or only a few are (what a user has seen): one scan of all rows for all such queries of
  the batch. It fetches as many extra rows as are forbidden, so that k remain once the forbidden ones are
  dropped;
- a real filter: the allowed rows alone are searched, once for all queries with equal masks;
- scores too close to call at the end of what was fetched (duplicates, an all-zero query): every allowed row
  is scored.

Final scores are computed here, one dot product a pair with a fixed order of additions, and sorted by score,
then lower row first. So a pair of query and item has one score, and an answer one order, whatever the
backend, the batch it came in and the mask.

Letters: B batch, I items, V vector width, M allowed rows, C candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

SLACK = (
    16  # candidates beyond k, so that those which nearly tie with the k-th are ordered by their final scores
)
FEW = 256  # so many forbidden rows, or fewer, are fetched and dropped
ROUNDING = 4e-6  # of |query| * |item|: two ways to compute one score agree to this
BLOCK = 8192  # rows scored at a time where all are: bounds memory


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


@dataclass(frozen=True, eq=False)
class MaskedSearch:
    """`vectors` float32 [I, V], finite, in host memory; `longest` is the greatest length among them."""

    vectors: np.ndarray
    backend: Backend
    longest: float

    def search(self, queries: np.ndarray, k: int, allowed: Sequence[np.ndarray | None]) -> list[Answer]:
        """Answers float32 queries [B, V] under one mask each: bool [I], or None where everything is
        allowed."""
        items = len(self.vectors)
        counts = [items if mask is None else int(np.count_nonzero(mask)) for mask in allowed]
        answers: dict[int, Answer] = {}
        scanned = [b for b, count in enumerate(counts) if count > 0 and items - count <= FEW]
        if scanned:
            answers |= self._scan(queries, k, allowed, scanned, counts)
        filters = [
            (b, mask) for b, mask in enumerate(allowed) if mask is not None and 0 < counts[b] < items - FEW
        ]
        for mask, members in _equal_masks(filters, counts):
            answers |= self._filter(queries, k, mask, members)
        nothing = Answer(np.empty(0, np.int64), np.empty(0, np.float32), 0)
        return [answers.get(b, nothing) for b in range(len(queries))]

    def _scan(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        members: list[int],
        counts: list[int],
    ) -> dict[int, Answer]:
        items = len(self.vectors)
        most_forbidden = items - min(counts[b] for b in members)
        nominated = self.backend.nearest(queries[members], min(items, k + SLACK + most_forbidden))  # [B, C]
        answers = {}
        for b, rows in zip(members, nominated, strict=True):
            mask = allowed[b]
            kept = rows if mask is None else rows[mask[rows]]
            answers[b] = self._decide(queries[b], k, kept[: k + SLACK], mask, counts[b])
        return answers

    def _filter(self, queries: np.ndarray, k: int, mask: np.ndarray, members: list[int]) -> dict[int, Answer]:
        rows = np.flatnonzero(mask)  # [M]
        nominated = self.backend.nearest_among(queries[members], rows, min(len(rows), k + SLACK))  # [B, C]
        return {
            b: self._decide(queries[b], k, kept, mask, len(rows))
            for b, kept in zip(members, nominated, strict=True)
        }

    def _decide(
        self, query: np.ndarray, k: int, candidates: np.ndarray, mask: np.ndarray | None, allowed: int
    ) -> Answer:
        """Rank the candidates by their final scores; rank every allowed row where one that was not nominated
        may belong in."""
        rows, scores = self._rank(query, candidates)
        rounding = 2 * ROUNDING * self.longest * float(np.linalg.norm(query))
        if len(candidates) < allowed and scores[k - 1] - scores[-1] <= rounding:
            everything = np.arange(len(self.vectors)) if mask is None else np.flatnonzero(mask)
            rows, scores = self._rank(query, everything)
        return Answer(rows[:k], scores[:k], allowed)

    def _rank(self, query: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows [C] and their scores [C], best first, lower row first where scores are equal."""
        blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        scores = np.concatenate([np.einsum("cv,v->c", self.vectors[block], query) for block in blocks])  # [C]
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]


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
