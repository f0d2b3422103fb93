"""A finished Laser as scorers: what the service would answer, its embedding alone, and where training
started.

A user vector is `[z ; c]`, an item vector `[z ; a*c]`. All columns together are the served score; the first D
are the embedding alone. Users are encoded once for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.bi_tuning import BiTuning
from model.fusion import Fusion
from model.laser import Laser
from model.vectors import EncodedItems, History
from training.baselines.scorer import Rows, Scorer, Scores
from training.baselines.text import TextMean
from training.collective_ease import PlacedNeighbours

__all__ = ["LaserScorer", "LaserUsers", "RecentOnly", "ServedScorer", "without_training"]


class LaserUsers:
    """User vectors of one Laser for histories of catalogue rows.

    Each distinct history is encoded once and kept.
    """

    def __init__(self, laser: Laser, item_ids: Sequence[str], items: EncodedItems) -> None:
        self.laser, self.item_ids, self.items = laser, tuple(item_ids), items
        self._known: dict[bytes, Scores] = {}

    def history(self, rows: Rows) -> History:
        """The history as the service would hand it over."""
        return History(
            tuple(self.item_ids[row] for row in rows),
            tuple(self.items.token_ids[row] for row in rows),
            self.items.text_vectors[rows],
        )

    def vectors(self, histories: Sequence[Rows]) -> Scores:
        """User vectors float32 [B, V]."""
        keys = [rows.tobytes() for rows in histories]
        new = {key: rows for key, rows in zip(keys, histories, strict=True) if key not in self._known}
        if new:
            encoded = self.laser.encode_users([self.history(rows) for rows in new.values()])
            self._known.update(zip(new, encoded, strict=True))
        if not keys:
            return np.zeros((0, self.items.vectors.shape[1]), dtype=np.float32)
        return np.stack([self._known[key] for key in keys])


@dataclass(frozen=True)
class LaserScorer:
    """Inner products of user and item vectors over the first `width` columns."""

    name: str
    users: LaserUsers
    width: int

    def score(self, histories: Sequence[Rows]) -> Scores:
        users = self.users.vectors(histories)[:, : self.width]  # [B, width]
        return users @ self.users.items.vectors[:, : self.width].T  # [B, I]


class ServedScorer:
    """What the service answers by: inner products over all columns, plus the neighbours of the history's items."""

    def __init__(self, name: str, users: LaserUsers) -> None:
        self.name = name
        self._dense = LaserScorer(name, users, users.items.vectors.shape[1])
        self._newest = users.laser.max_history
        placed = users.laser.neighbours(users.item_ids, users.items.text_vectors)
        self._neighbours = None if placed is None else PlacedNeighbours(placed)

    def score(self, histories: Sequence[Rows]) -> Scores:
        scores = self._dense.score(histories)  # [B, I]
        if self._neighbours is None:
            return scores
        return scores + self._neighbours.score([rows[-self._newest :] for rows in histories])


@dataclass(frozen=True)
class RecentOnly:
    """A scorer that sees the newest `count` items of each history, as Laser does."""

    scorer: Scorer
    count: int

    @property
    def name(self) -> str:
        return self.scorer.name

    def score(self, histories: Sequence[Rows]) -> Scores:
        return self.scorer.score([rows[-self.count :] for rows in histories])


def without_training(name: str, laser: Laser, item_ids: Sequence[str], items: EncodedItems) -> Scorer:
    """The same read-out before its first training step.

    The residual read-out starts at the recency-weighted mean of the frozen item vectors, so nothing has to be
    encoded; the others are encoded with fresh virtual tokens (drawn from torch's generator).
    """
    if laser.config.read_out == "residual":
        mean = TextMean(name, items.text_vectors, laser.config.decay)
        return RecentOnly(mean, laser.config.max_history)
    widths = [laser.collaborative.state_widths[source] for source in laser.config.sources]
    side = BiTuning(laser.config, widths, laser.backbone.width).to(laser.backbone.device)
    side.start(laser.backbone)
    fresh = replace(laser, item_side=side, user_side=side, fusion=Fusion(laser.collaborative))
    histories = [
        History((item_id,), (tokens,), vector[None, :])
        for item_id, tokens, vector in zip(item_ids, items.token_ids, items.text_vectors, strict=True)
    ]
    z = laser.text.embed(side, histories, laser.collaborative)
    return LaserScorer(name, LaserUsers(fresh, item_ids, items._replace(vectors=z)), z.shape[1])
