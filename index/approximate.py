"""Approximate top-k on the CPU for large catalogues: the cells that are likely to hold the best items, exactly scored.

What it may miss is an item of a cell that was not read; how often, the partition's measured recall says. Everything
else it promises as exact search does: exactly k or all there are, no forbidden row, scores and order as
masked_search.py defines them among the rows that were looked at.

- Rows are masked before they are scored, and cells are read until as many *allowed* rows were seen as the measured
  recall took, so a filter does not starve an answer.
- Every allowed row that has a boost is a candidate, whatever its cell.
- Exact search takes over where it costs about as much or promises more: few allowed rows, many boosted ones (a
  sentence that steers lifts them all), or a k that asks for a large part of the catalogue.

Letters: B batch, I items, V vector width, M allowed rows, C cells, R rows to look at, m boosted rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.masked_search import SLACK, Answer, Backend, MaskedSearch
from index.neighbours import Boosts
from index.partition import Partition

PER_RESULT = 32  # rows looked at for each one asked for, at least
WORTH = 2  # times the rows to look at must be allowed, or exact search is as quick


@dataclass(frozen=True, eq=False)
class ApproximateSearch:
    """Answers from the cells of `partition`, and through `exact` where that is better. Rows are those of
    `exact.vectors`."""

    exact: MaskedSearch
    backend: Backend
    partition: Partition

    @property
    def vectors(self) -> np.ndarray:
        """float32 [I, V]."""
        return self.exact.vectors

    @property
    def longest(self) -> float:
        """The greatest length among them."""
        return self.exact.longest

    def search(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        boosts: Sequence[Boosts | None],
    ) -> list[Answer]:
        """As MaskedSearch.search; an answer that was found in some of the cells alone is not `exact`."""
        items = len(self.vectors)
        enough = max(round(self.partition.share * items), PER_RESULT * (k + SLACK))  # R
        counts = [items if mask is None else int(np.count_nonzero(mask)) for mask in allowed]
        many = [
            count < WORTH * enough or (added is not None and len(added.rows) > enough)
            for count, added in zip(counts, boosts, strict=True)
        ]
        exactly = [b for b, is_better in enumerate(many) if is_better]
        answers = dict(
            zip(
                exactly,
                self.exact.search(
                    queries[exactly], k, [allowed[b] for b in exactly], [boosts[b] for b in exactly]
                ),
                strict=True,
            )
        )
        for b in range(len(queries)):
            if b not in answers:
                answers[b] = self._look(queries[b], k, enough, allowed[b], counts[b], boosts[b])
        return [answers[b] for b in range(len(queries))]

    def _look(
        self,
        query: np.ndarray,
        k: int,
        enough: int,
        mask: np.ndarray | None,
        allowed: int,
        boosts: Boosts | None,
    ) -> Answer:
        """The best of at least `enough` allowed rows in the likeliest cells, and of the boosted ones."""
        seen = self._rows(query, enough, mask)  # [R or more]
        nominated = self.backend.nearest_among(query[None], seen, min(len(seen), k + SLACK))[0]
        if boosts is not None:
            lifted = boosts.rows if mask is None else boosts.rows[mask[boosts.rows]]
            nominated = np.union1d(nominated, lifted)
        return self.exact.ranked(query, k, nominated, boosts, allowed)._replace(exact=False)

    def _rows(self, query: np.ndarray, enough: int, mask: np.ndarray | None) -> np.ndarray:
        """int64 allowed rows of the likeliest cells, ascending: at least `enough`, where there are so many."""
        order = self.partition.order(query)  # [C]
        read, found, count = 0, [], 0
        step = self.partition.probes
        while count < enough and read < len(order):
            rows = self.partition.members(order[read : read + step])
            rows = rows if mask is None else rows[mask[rows]]
            found.append(rows)
            read, count, step = read + step, count + len(rows), 2 * step
        return np.sort(np.concatenate(found)).astype(np.int64)
