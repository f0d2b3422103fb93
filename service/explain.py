"""Why this item: the things in the user's history that speak most for it, and by how much.

    score = likeness + neighbours + sentence        (the parts of an item)
    likeness + neighbours = sum of contributions    (over the whole history, where anything in it is similar)

What the neighbours add is a sum over the history, so each item's part of it is exact. The likeness, an inner product,
is one number for the whole history; it is divided among its items by their positive similarity to the recommended one
(cosine of the Laser embeddings z), which describes the vectors and not the encoder's inner workings. Both are in units
of the score. Where the likeness is negative so is what it contributes, and its share counts by similarity alone.

Letters: N history, M recommended items, D width of z.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.encoding import EncodedUser
from service.reason_schemas import Reason, ScoreParts
from service.snapshot import Snapshot

MOST = 3  # reasons of one item
TINY = np.finfo(np.float32).tiny


class Explanation(NamedTuple):
    """Of one recommended item."""

    reasons: list[Reason]
    parts: ScoreParts


class Explainer:
    """Explains answers from one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._width = snapshot.text_width

    def explain(self, rows: Sequence[int], scores: Sequence[float], user: EncodedUser) -> list[Explanation]:
        """For each recommended row and its score at most MOST reasons, the first says most; none where nothing in the
        history speaks for it."""
        if not rows:
            return []
        vectors = self._snapshot.vectors[list(rows)]  # [M, V]
        similar = vectors[:, : self._width] @ user.history[:, : self._width].T  # [M, N]
        likeness = vectors @ user.vector  # [M]
        added = self._added(rows, user)  # [M, N]
        divided = _shares(similar)
        contributions = added + likeness[:, None] * divided
        speaks = (
            added + np.maximum(likeness, TINY)[:, None] * divided
        )  # where it is not positive, ratios alone count
        shares = _shares(speaks)
        neighbours = added.sum(axis=1)  # [M]
        return [
            Explanation(
                [
                    self._reason(user, n, similar[m, n], added[m, n], contributions[m, n], shares[m, n])
                    for n in np.argsort(-speaks[m], kind="stable")[:MOST].tolist()
                    if speaks[m, n] > 0
                ],
                ScoreParts(
                    likeness=float(likeness[m]),
                    neighbours=float(neighbours[m]),
                    sentence=score - float(likeness[m]) - float(neighbours[m]),
                ),
            )
            for m, score in enumerate(scores)
        ]

    def _added(self, rows: Sequence[int], user: EncodedUser) -> NDArray[np.float32]:
        """float32 [M, N]: what each thing of the history adds as a neighbour; 0 for what the catalogue lacks."""
        added = np.zeros((len(rows), len(user.entries)), np.float32)
        known = [n for n, entry in enumerate(user.entries) if entry.row is not None]
        added[:, known] = self._snapshot.neighbours.parts(user.rows, rows).T
        return added

    def _reason(
        self,
        user: EncodedUser,
        n: int,
        similarity: np.float32,
        added: np.float32,
        contribution: np.float32,
        share: np.float32,
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
            contribution=float(contribution),
            share=float(share),
        )


def _shares(parts: np.ndarray) -> NDArray[np.float32]:
    """float32 [M, N]: each part's share of the positive ones in its row; 0 where none is positive."""
    positive = np.maximum(parts, 0)
    shares: NDArray[np.float32] = positive / np.maximum(positive.sum(axis=1, keepdims=True), TINY)
    return shares
