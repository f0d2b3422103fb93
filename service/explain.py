"""Why this item: the thing in the user's history that speaks most for it.

A score has two parts. What the neighbours add is a sum over the history, so each item's contribution is exact. The
inner product is one number for the whole history; it is divided among its items by their positive similarity to the
recommended one (cosine of the Laser embeddings z), which describes the vectors and not the encoder's inner workings.
Both are in units of the score, so they add up: an item's share is its part of their sum over the history.

Letters: N history, M recommended items, D width of z.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.encoding import EncodedUser
from service.schemas import Reason
from service.snapshot import Snapshot

TINY = np.finfo(np.float32).tiny


class Explainer:
    """Explains answers from one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._width = snapshot.text_width

    def reasons(self, rows: Sequence[int], user: EncodedUser) -> list[list[Reason]]:
        """For each recommended row at most one reason; none where nothing in the history speaks for it."""
        if not rows or not user.entries:
            return [[] for _ in rows]
        vectors = self._snapshot.vectors[list(rows)]  # [M, V]
        similar = vectors[:, : self._width] @ user.history[:, : self._width].T  # [M, N]
        products = np.maximum(
            vectors @ user.vector, TINY
        )  # [M]; where they are not positive, ratios alone count
        added = self._added(rows, user)  # [M, N]
        speaks = added + products[:, None] * _shares(similar)
        shares = _shares(speaks)
        return [
            [self._reason(user, int(n), similar[m, n], added[m, n], shares[m, n])] if speaks[m, n] > 0 else []
            for m, n in enumerate(speaks.argmax(axis=1))
        ]

    def _added(self, rows: Sequence[int], user: EncodedUser) -> NDArray[np.float32]:
        """float32 [M, N]: what each thing of the history adds as a neighbour; 0 for what the catalogue lacks."""
        added = np.zeros((len(rows), len(user.entries)), np.float32)
        known = [n for n, entry in enumerate(user.entries) if entry.row is not None]
        added[:, known] = self._snapshot.neighbours.parts(user.rows, rows).T
        return added

    def _reason(
        self, user: EncodedUser, n: int, similarity: np.float32, added: np.float32, share: np.float32
    ) -> Reason:
        entry = user.entries[n]
        catalogue = self._snapshot.catalogue
        if entry.row is None:
            item_id, title = None, str((entry.record or {}).get("title", ""))
        else:
            item_id, title = catalogue.item_ids[entry.row], catalogue.title(entry.row)
        return Reason(
            position=entry.position,
            item_id=item_id,
            title=title,
            similarity=float(similarity),
            added=float(added),
            share=float(share),
        )


def _shares(parts: np.ndarray) -> NDArray[np.float32]:
    """float32 [M, N]: each part's share of the positive ones in its row; 0 where none is positive."""
    positive = np.maximum(parts, 0)
    shares: NDArray[np.float32] = positive / np.maximum(positive.sum(axis=1, keepdims=True), TINY)
    return shares
