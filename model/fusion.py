"""Fused scores as one inner product: the columns c behind z in `[z ; a*c]`.

Each collaborative scorer is a pair of sides: an ID recommender's user state and its item table, or the two factors
of a linear item-item model (EASE, co-occurrence), whose user vector is the recency-weighted sum of user-side rows
over the history. The weights were chosen on validation and sit on the item side; a source of weight 0 is not stored.

An item without collaborative state gets its columns predicted from its frozen text vector, by ridge regression on
the items that have one, not zero, which would rank it below everything the catalogue knows.

Letters: n items, B users, r width of one source, C columns over all sources, D backbone width.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from model.collaborative import Collaborative
from model.id_recommenders import PADDING, pad_histories

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


class ItemFactors(NamedTuple):
    """A linear item-item scorer of rank r. `decay` weighs the history: the newest 1, the one before `decay`, ..."""

    name: str
    user_side: Vectors  # [I, r], summed over the history
    item_side: Vectors  # [I, r]
    decay: float
    constant: bool = False  # True: the user side is 1 whatever the history (popularity)


class Fusion:
    """Turns histories and items into their weighted collaborative columns."""

    def __init__(
        self,
        collaborative: Collaborative,
        factors: Sequence[ItemFactors],
        weights: Mapping[str, float],
        from_text: Vectors | None = None,
    ) -> None:
        known = [*collaborative.recommenders, *(factor.name for factor in factors)]
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
        self.factors = {factor.name: factor for factor in factors if factor.name in self.weights}
        self.from_text = from_text  # [D + 1, C], None until fitted

    @property
    def width(self) -> int:
        """C, the columns of all sources together."""
        return sum(self._item_table(name).shape[1] for name in self.weights)

    def table(self) -> Vectors:
        """Columns of every item of the vocabulary, weighted. float32 [I, C]."""
        if not self.weights:
            return np.zeros((len(self.collaborative.item_ids), 0), dtype=np.float32)
        return np.concatenate(
            [self._item_table(name) * np.float32(a) for name, a in self.weights.items()], axis=1
        )

    def fit_from_text(self, text_vectors: Vectors, ridge: float = 1.0) -> None:
        """Fit the columns of cold items: ridge regression of warm items' columns on their text vectors [I, D]."""
        warm = self.collaborative.warm
        inputs = _with_one(text_vectors[warm]).astype(np.float64)
        gram = inputs.T @ inputs + ridge * np.eye(inputs.shape[1])
        self.from_text = np.linalg.solve(gram, inputs.T @ self.table()[warm]).astype(np.float32)

    def item_columns(self, item_ids: Sequence[str | None], text_vectors: Vectors) -> Vectors:
        """Columns float32 [n, C]: the vocabulary's for items it knows, predicted from text for the others."""
        if not self.weights:
            return np.zeros((len(item_ids), 0), dtype=np.float32)
        assert self.from_text is not None, "fit_from_text comes before item_columns"
        columns: Vectors = _with_one(text_vectors) @ self.from_text
        rows = [self.collaborative.row(item_id) for item_id in item_ids]
        known = [place for place, row in enumerate(rows) if row is not None]
        columns[known] = self.table()[[row for row in rows if row is not None]]
        return columns

    @torch.inference_mode()
    def user_columns(self, histories: Sequence[Rows]) -> Vectors:
        """Unweighted columns float32 [B, C] of histories of vocabulary rows; zero where a history is empty."""
        parts = []
        for name in self.weights:
            if name in self.factors:
                parts.append(_weighted_sums(self.factors[name], histories))
            else:
                module = self.collaborative.recommenders[name]
                tokens = pad_histories(list(histories), module.config.max_length)
                states = module.user_vectors(tokens.to(module.item_vectors.device)).cpu()
                parts.append((states * (tokens != PADDING).any(dim=1, keepdim=True)).numpy())
        if not parts:
            return np.zeros((len(histories), 0), dtype=np.float32)
        return np.concatenate(parts, axis=1)

    def _item_table(self, name: str) -> Vectors:
        if name in self.factors:
            return self.factors[name].item_side
        table: Vectors = self.collaborative.recommenders[name].item_vectors.detach().cpu().numpy()
        return table


def _weighted_sums(factor: ItemFactors, histories: Sequence[Rows]) -> Vectors:
    if factor.constant:
        return np.ones((len(histories), factor.item_side.shape[1]), dtype=np.float32)
    sums = np.zeros((len(histories), factor.user_side.shape[1]), dtype=np.float32)
    for place, history in enumerate(histories):
        weights = factor.decay ** np.arange(len(history) - 1, -1, -1, dtype=np.float32)
        sums[place] = weights @ factor.user_side[history]
    return sums


def _with_one(vectors: Vectors) -> Vectors:
    return np.concatenate([vectors, np.ones((len(vectors), 1), dtype=np.float32)], axis=1)
