"""What was appended to a catalogue after its bundle was sealed: records, vectors and token ids, by row.

Append only, and shared by all snapshots since: each notes how many rows it has (see live_columns.py). One writer.

Letters: m rows, V vector width, D text width.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from index.columns import Column
from index.live_columns import AppendedColumns, Growing


class Delta:
    """Rows 0..m-1 behind those of a bundle."""

    def __init__(self, columns: Mapping[str, Column], width: int, text_width: int) -> None:
        self.records: list[Mapping[str, object]] = []
        self.token_ids: list[np.ndarray] = []  # int32, by row
        self.columns = AppendedColumns(columns)
        self._vectors = Growing((width,), np.float32)
        self._text_vectors = Growing((text_width,), np.float32)
        self._rows_of: dict[str, list[int]] = {}

    def append(
        self,
        records: Sequence[Mapping[str, object]],
        vectors: np.ndarray,
        text_vectors: np.ndarray,
        token_ids: Sequence[Sequence[int]],
    ) -> None:
        """Add items with their vectors [M, V], text vectors [M, D] and token ids.

        Raises ValueError, and adds nothing, where the parts do not agree or a vector is not finite.
        """
        if not len(records) == len(vectors) == len(text_vectors) == len(token_ids):
            raise ValueError("items, vectors, text vectors and token ids must be as many")
        if not (np.isfinite(vectors).all() and np.isfinite(text_vectors).all()):
            raise ValueError("a vector holds NaN or Infinity")
        self._vectors.append(vectors)
        self._text_vectors.append(text_vectors)
        self.columns.append(records)
        for record, tokens in zip(records, token_ids, strict=True):
            self._rows_of.setdefault(str(record["item_id"]), []).append(len(self.records))
            self.token_ids.append(np.array(tokens, np.int32))
            self.records.append(record)

    def newest(self, item_id: str, count: int) -> int | None:
        """The last of the first `count` rows that the item was given; None where it has none."""
        rows = self._rows_of.get(item_id, ())
        return next((row for row in reversed(rows) if row < count), None)

    def vectors(self, count: int) -> np.ndarray:
        """float32 [count, V]"""
        return self._vectors.first(count)

    def text_vectors(self, count: int) -> np.ndarray:
        """float32 [count, D]"""
        return self._text_vectors.first(count)
