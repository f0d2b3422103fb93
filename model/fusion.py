"""Fused scores: the columns c behind z in `[z ; a*c]`, and the sparse neighbours beside the inner product.

A column source is a pair of sides: an ID recommender's user state and its item table; popularity is one column whose
user side is 1. Neighbours (neighbours.py) are added to the inner product by the index. The weights were chosen on
validation and sit on the item side; a source of weight 0 is not stored.

An item without collaborative state gets its columns predicted from its frozen text vector, by ridge regression on
the items that have one, not zero, which would rank it below everything the catalogue knows.

Letters: n items, B users, r width of one source, C columns over all sources, D backbone width.
"""

from collections.abc import Mapping, Sequence

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


class Fusion:
    """Turns histories and items into their weighted collaborative columns, and places the neighbours."""

    def __init__(
        self,
        collaborative: Collaborative,
        popularity: Vectors | None = None,
        neighbours: Neighbours | None = None,
        weights: Mapping[str, float] | None = None,
        from_text: Vectors | None = None,
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
        self.from_text = from_text  # [D + 1, C], None until fitted

    @property
    def columns(self) -> tuple[str, ...]:
        """The sources that are columns of the inner product, in their order."""
        return tuple(name for name in self.weights if name != NEIGHBOURS)

    @property
    def width(self) -> int:
        """C, the columns of all sources together."""
        return sum(self._item_table(name).shape[1] for name in self.columns)

    def table(self) -> Vectors:
        """Columns of every item of the vocabulary, weighted. float32 [I, C]."""
        if not self.columns:
            return np.zeros((len(self.collaborative.item_ids), 0), dtype=np.float32)
        return np.concatenate(
            [self._item_table(name) * np.float32(self.weights[name]) for name in self.columns], axis=1
        )

    def fit_from_text(self, text_vectors: Vectors, ridge: float = 1.0) -> None:
        """Fit the columns of cold items: ridge regression of warm items' columns on their text vectors [I, D]."""
        warm = self.collaborative.warm
        inputs = _with_one(text_vectors[warm]).astype(np.float64)
        gram = inputs.T @ inputs + ridge * np.eye(inputs.shape[1])
        self.from_text = np.linalg.solve(gram, inputs.T @ self.table()[warm]).astype(np.float32)

    def item_columns(self, item_ids: Sequence[str | None], text_vectors: Vectors) -> Vectors:
        """Columns float32 [n, C]: the vocabulary's for items it knows, predicted from text for the others."""
        if not self.columns:
            return np.zeros((len(item_ids), 0), dtype=np.float32)
        assert self.from_text is not None, "fit_from_text comes before item_columns"
        columns: Vectors = _with_one(text_vectors) @ self.from_text
        rows = [self.collaborative.row(item_id) for item_id in item_ids]
        known = [place for place, row in enumerate(rows) if row is not None]
        columns[known] = self.table()[[row for row in rows if row is not None]]
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


def _with_one(vectors: Vectors) -> Vectors:
    return np.concatenate([vectors, np.ones((len(vectors), 1), dtype=np.float32)], axis=1)
