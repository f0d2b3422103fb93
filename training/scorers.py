"""Trained parts of Laser as scorers: the same `score(histories)` that the baselines have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from model.bi_tuning import BiTuning
from model.collaborative import Collaborative
from model.encoder import TextEncoder
from model.id_recommenders import PADDING, IdRecommender, pad_histories
from model.vectors import History

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class TrainingItems:
    """The catalogue as training reads it: ids, token ids and frozen text vectors [I, D] by row."""

    item_ids: tuple[str, ...]
    token_ids: list[list[int]]
    text_vectors: Vectors

    def history(self, rows: Sequence[int] | Rows) -> History:
        """The prompt's view of a history of rows."""
        return History(
            tuple(self.item_ids[row] for row in rows),
            tuple(self.token_ids[row] for row in rows),
            self.text_vectors[np.asarray(rows, dtype=np.int64)],
        )


@dataclass(frozen=True)
class IdScorer:
    """A frozen ID recommender: user state times item table; 0 everywhere without a history."""

    name: str
    model: IdRecommender

    @torch.inference_mode()
    def score(self, histories: Sequence[Rows], batch_size: int = 512) -> Vectors:
        """float32 [B, I]."""
        self.model.eval()
        items = self.model.item_vectors
        scores = np.zeros((len(histories), self.model.config.items), dtype=np.float32)
        for start in range(0, len(histories), batch_size):
            batch = list(histories[start : start + batch_size])
            tokens = pad_histories(batch, self.model.config.max_length).to(items.device)
            users = self.model.user_vectors(tokens) * (tokens != PADDING).any(dim=1, keepdim=True)
            scores[start : start + batch_size] = (users @ items.T).cpu().numpy()
        return scores


class Encoding(NamedTuple):
    """What turns histories of rows into embeddings z: one side's weights and everything they read."""

    text: TextEncoder
    items: TrainingItems
    collaborative: Collaborative


@dataclass(frozen=True)
class EmbeddingScorer:
    """Laser alone: cosine of the user's embedding and every item's. `matrix` is float32 [I, D]."""

    name: str
    encoding: Encoding
    side: BiTuning
    matrix: Vectors

    def score(self, histories: Sequence[Rows]) -> Vectors:
        """float32 [B, I]."""
        text, items, collaborative = self.encoding
        users = text.embed(self.side, [items.history(rows) for rows in histories], collaborative)
        scores: Vectors = users @ self.matrix.T
        return scores
