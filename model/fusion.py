"""Fused scores: the columns c behind z in `[z ; a*c]`, and the sparse neighbours beside the inner product.

A column source is a pair of sides: an ID recommender's user state and its item table; popularity is one column whose
user side is 1. Neighbours (neighbours.py) are added to the inner product by the index. The weights were chosen on
validation and sit on the item side; a source of weight 0 is not stored.

An item without collaborative state gets the mean columns of the items whose texts are nearest to its own, not zeros,
which would rank it below everything the catalogue knows. A regression on the text would draw it to the middle, where
no user's taste finds it (docs/experiments.md).

Letters: n items, B users, C columns over all sources, D backbone width, S items whose texts are kept.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from model.attacher import Attacher
from model.collaborative import Collaborative
from model.id_recommenders import PADDING, pad_histories
from model.neighbours import NeighbourArrays, Neighbours

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

POPULARITY, NEIGHBOURS = "popularity", "neighbours"
NEAREST = 4
KEPT = 10_000  # texts, of the items most taken: comparing with them takes a millisecond
TOGETHER = 1024  # items compared in one product


class WarmTexts(NamedTuple):
    """Texts of items that have collaborative state, for items that have none."""

    rows: Rows  # [S], of the vocabulary
    vectors: Vectors  # [S, D], unit length


class Fusion:
    """Turns histories and items into their weighted collaborative columns, and places the neighbours."""

    def __init__(
        self,
        collaborative: Collaborative,
        popularity: Vectors | None = None,
        neighbours: Neighbours | None = None,
        weights: Mapping[str, float] | None = None,
        texts: WarmTexts | None = None,
    ) -> None:
        """`popularity` is one value an item of the vocabulary [I]."""
        weights = weights or {}
        known = list(collaborative.recommenders)
        known += [POPULARITY] if popularity is not None else []
        known += [NEIGHBOURS] if neighbours is not None else []
        unknown = set(weights) - set(known)
        if unknown:
            raise ValueError(
                f"fusion weights name {', '.join(sorted(unknown))}, the sources are {', '.join(known)}"
            )
        negative = [name for name, weight in weights.items() if weight < 0]
        if negative:
            raise ValueError(f"fusion weights must not be negative: {', '.join(negative)}")
        if len(set(known)) < len(known):
            raise ValueError(f"fusion sources must have names of their own, not {', '.join(known)}")
        self.collaborative = collaborative
        self.weights = {name: float(weights[name]) for name in known if weights.get(name, 0.0) > 0}
        self.popularity = popularity if POPULARITY in self.weights else None
        self.neighbours = neighbours if NEIGHBOURS in self.weights else None
        self.texts = texts  # None until kept

    @property
    def columns(self) -> tuple[str, ...]:
        """The sources that are columns of the inner product, in their order."""
        return tuple(name for name in self.weights if name != NEIGHBOURS)

    @property
    def width(self) -> int:
        """C, the columns of all sources together."""
        return sum(self._item_table(name).shape[1] for name in self.columns)

    def table(self, rows: Rows | None = None) -> Vectors:
        """Columns of rows of the vocabulary, weighted, by default of all. float32 [n, C]."""
        places: Rows | slice = slice(None) if rows is None else rows
        count = len(self.collaborative.item_ids) if rows is None else len(rows)
        parts = [self._item_table(name)[places] * np.float32(self.weights[name]) for name in self.columns]
        return np.concatenate([np.zeros((count, 0), np.float32), *parts], axis=1)

    def keep_texts(self, text_vectors: Vectors, taken: Rows) -> None:
        """Keep the texts [I, D] of warm items, the most taken [I] of them where there are many."""
        warm = np.flatnonzero(self.collaborative.warm)
        rows = np.sort(warm[np.argsort(-taken[warm], kind="stable")[:KEPT]])
        self.texts = WarmTexts(rows, text_vectors[rows])

    def item_columns(self, item_ids: Sequence[str | None], text_vectors: Vectors) -> Vectors:
        """Columns float32 [n, C]: the vocabulary's for items it knows, those of similar texts for the others."""
        rows = [self.collaborative.row(item_id) for item_id in item_ids]
        known = np.array([row is not None for row in rows], dtype=bool)
        columns = np.empty((len(rows), self.width), np.float32)
        columns[known] = self.table(np.array([row for row in rows if row is not None], np.int64))
        columns[~known] = self._columns_alike(text_vectors[~known])
        return columns

    def _columns_alike(self, text_vectors: Vectors) -> Vectors:
        """The mean columns float32 [n, C] of the items with the nearest texts; zeros where there are none."""
        columns = np.zeros((len(text_vectors), self.width), np.float32)
        if not (self.columns and len(text_vectors)):
            return columns
        assert self.texts is not None, "keep_texts comes before item_columns"
        count = min(NEAREST, len(self.texts.rows))
        for start in range(0, len(text_vectors) if count else 0, TOGETHER):
            similar = text_vectors[start : start + TOGETHER] @ self.texts.vectors.T  # [b, S]
            near = self.texts.rows[np.argpartition(-similar, count - 1, axis=1)[:, :count]]
            alike = self.table(near.ravel()).reshape(len(near), count, -1)
            columns[start : start + TOGETHER] = alike.mean(axis=1)
        return columns

    @torch.inference_mode()
    def user_columns(self, histories: Sequence[Rows]) -> Vectors:
        """Unweighted columns float32 [B, C] of histories of vocabulary rows; zero where a history is empty, but
        popularity's, which is 1."""
        parts = [np.zeros((len(histories), 0), dtype=np.float32)]
        for name in self.columns:
            if name == POPULARITY:
                parts.append(np.ones((len(histories), 1), dtype=np.float32))
                continue
            module = self.collaborative.recommenders[name]
            tokens = pad_histories(list(histories), module.config.max_length)
            states = module.user_vectors(tokens.to(module.item_vectors.device)).cpu()
            parts.append((states * (tokens != PADDING).any(dim=1, keepdim=True)).numpy())
        return np.concatenate(parts, axis=1)

    def placed_neighbours(
        self, item_ids: Sequence[str | None], text_vectors: Vectors
    ) -> NeighbourArrays | None:
        """The neighbours in the order of a catalogue, weighted; None where there are none."""
        if self.neighbours is None:
            return None
        place = {item_id: row for row, item_id in enumerate(self.collaborative.item_ids)}
        rows = [None if item_id is None else place.get(item_id) for item_id in item_ids]
        return self.neighbours.placed(rows, text_vectors, self.weights[NEIGHBOURS])

    def attacher(self) -> Attacher | None:
        """Ties items to a catalogue one by one; None where there are no neighbours."""
        if self.neighbours is None:
            return None
        return Attacher(self.neighbours, self.collaborative.item_ids, self.weights[NEIGHBOURS])

    def _item_table(self, name: str) -> Vectors:
        if name == POPULARITY:
            assert self.popularity is not None
            return self.popularity[:, None]
        table: Vectors = self.collaborative.recommenders[name].item_vectors.detach().cpu().numpy()
        return table
