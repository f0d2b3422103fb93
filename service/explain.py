"""Why this item: the thing in the user's history that stands nearest to it.

Similarity is the cosine of the Laser embeddings z; an item's share is its part of the positive similarity to
the whole history. Both describe the vectors, not the encoder's inner workings.

Letters: N history, M recommended items, D width of z.
"""

from collections.abc import Sequence

import numpy as np

from index.bundle import Bundle
from service.encoding import EncodedUser
from service.schemas import Reason


class Explainer:
    """Explains answers from one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._width = bundle.text_vectors.shape[
            1
        ]  # z comes first in a vector [z ; a*c] and is as wide as the text vector

    def reasons(self, rows: Sequence[int], user: EncodedUser) -> list[list[Reason]]:
        """For each recommended row at most one reason; none where no history item points its way."""
        if not rows or not user.entries:
            return [[] for _ in rows]
        similar = self._bundle.vectors[list(rows), : self._width] @ user.history[:, : self._width].T  # [M, N]
        positive = np.maximum(similar, 0)
        shares = positive / np.maximum(positive.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
        nearest = similar.argmax(axis=1)  # [M]
        return [
            [self._reason(user, int(n), float(similar[m, n]), float(shares[m, n]))]
            if similar[m, n] > 0
            else []
            for m, n in enumerate(nearest)
        ]

    def _reason(self, user: EncodedUser, n: int, similarity: float, share: float) -> Reason:
        entry = user.entries[n]
        catalogue = self._bundle.catalogue
        if entry.row is None:
            item_id, title = None, str((entry.record or {}).get("title", ""))
        else:
            item_id, title = catalogue.item_ids[entry.row], catalogue.title(entry.row)
        return Reason(
            position=entry.position, item_id=item_id, title=title, similarity=similarity, share=share
        )
