"""An index over a bundle's vectors and those appended since, in two parts: each is searched, the better answers count.

    the k best of both = the k best of (the k best of the bundle, the k best of the delta)

The bundle's index stays as it was built, whatever it is made of. The delta is searched exactly; it is small, because a
re-index empties it. Hidden rows are forbidden in every search, whatever its caller allows.

Letters: B batch, n rows of the bundle, m appended, V vector width.
"""

from collections.abc import Sequence

import numpy as np

from index.item_index import ExactIndex, ItemIndex, SearchResult
from index.neighbours import Boosts, check_boosts


class LiveIndex:
    """An ItemIndex over n + m rows."""

    def __init__(self, base: ItemIndex, appended: np.ndarray, alive: np.ndarray) -> None:
        """`appended` float32 [m, V]; `alive` bool [n + m], False for hidden rows."""
        self.mode = base.mode
        self._base = base
        self._appended = ExactIndex(appended)
        self._n = len(alive) - len(appended)
        self._alive = alive
        self._whole = bool(alive[: self._n].all())

    def search(
        self,
        queries: np.ndarray,
        k: int,
        allowed: Sequence[np.ndarray | None],
        boosts: Sequence[Boosts | None] | None = None,
    ) -> SearchResult:
        """See ItemIndex."""
        given = [None] * len(allowed) if boosts is None else list(boosts)
        for mask in allowed:
            if mask is not None and (mask.dtype != np.bool_ or mask.shape != self._alive.shape):
                wanted = f"bool {list(self._alive.shape)}"
                raise ValueError(f"a mask must be {wanted}, not {mask.dtype} {list(mask.shape)}")
        for each in given:
            if each is not None:
                check_boosts(each, len(self._alive))
        n = self._n
        masks = [self._alive if mask is None else mask & self._alive for mask in allowed]
        of_base = [None if mask is None and self._whole else masks[b][:n] for b, mask in enumerate(allowed)]
        parts = (
            self._base.search(queries, k, of_base, [_within(each, 0, n) for each in given]),
            self._appended.search(
                queries,
                k,
                [mask[n:] for mask in masks],
                [_within(each, n, len(self._alive)) for each in given],
            ),
        )
        return _better(*parts, n, k)


def _within(boosts: Boosts | None, first: int, end: int) -> Boosts | None:
    """The boosts of the rows first..end-1, numbered from 0."""
    if boosts is None:
        return None
    low, high = np.searchsorted(boosts.rows, [first, end])
    return Boosts(boosts.rows[low:high] - first, boosts.values[low:high])


def _better(base: SearchResult, appended: SearchResult, n: int, k: int) -> SearchResult:
    """The k best of both, by score, then by row."""
    later = np.where(appended.rows >= 0, appended.rows + n, -1)
    rows = np.concatenate([base.rows, later], axis=1)  # [B, 2k]
    scores = np.concatenate([base.scores, appended.scores], axis=1)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]  # no row scores -inf: those come last
    return SearchResult(
        np.take_along_axis(rows, order, axis=1),
        np.take_along_axis(scores, order, axis=1),
        base.allowed + appended.allowed,
        base.modes,
    )
