"""Neighbours of one item at a time, for a catalogue that grows and shrinks between two re-indexes.

Letters: I vocabulary, n catalogue, D width of text vectors.
"""

from collections.abc import Sequence

import numpy as np

from model.neighbours import Neighbours, Rows, Table, Ties, Vectors


class Attacher:
    """Knows neighbours by item id. Read only, so any thread may ask."""

    def __init__(self, neighbours: Neighbours, item_ids: Sequence[str], weight: float) -> None:
        """`item_ids` [I] are the vocabulary's; `weight` is the neighbours' in the fusion."""
        self._neighbours = neighbours
        self._rows = {item_id: row for row, item_id in enumerate(item_ids)}
        self._weight = weight

    def solved(self, item_id: str) -> int | None:
        """Vocabulary row of an item with neighbours of its own; None for one that is attached by its text."""
        row = self._rows.get(item_id)
        return row if row is not None and self._neighbours.solved[row] else None

    def place(self, item_ids: Sequence[str]) -> Rows:
        """int64 [I]: the row in a catalogue of each item with neighbours of its own, else -1."""
        place = np.full(len(self._rows), -1, np.int64)
        for row, item_id in enumerate(item_ids):
            if (solved := self.solved(item_id)) is not None:
                place[solved] = row
        return place

    def ties(self, item_id: str, place: Rows, similar: Vectors, text_vectors: Table) -> Ties:
        """The item's neighbours, both ways. `similar` [n] compares its text with that of each row of the catalogue,
        `text_vectors` [n, D]."""
        row = self._rows.get(item_id)
        return self._neighbours.ties(row, place, similar, text_vectors, self._weight)
