"""The baselines that only count: how often an item is taken, and how often right after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from training.baselines.scorer import Rows, Scores

__all__ = ["Markov", "Popularity"]


@dataclass(frozen=True)
class Popularity:
    """log(1 + training interactions), the same for every user.

    The logarithm ranks as the count and adds well to other scorers.
    """

    log_counts: Scores  # [I]
    name: str = "popularity"

    @classmethod
    def fit(cls, train: Sequence[Rows], n_items: int) -> Self:
        return cls(np.log1p(_counts(train, n_items)))

    def score(self, histories: Sequence[Rows]) -> Scores:
        return np.tile(self.log_counts, (len(histories), 1))  # [B, I]


@dataclass(frozen=True)
class Markov:
    """First order: how often an item came directly after the history's last one.

    Backed off to popularity by a term smaller than one transition, so it only orders the items that never
    followed.
    """

    transitions: csr_array  # [I, I]: [from, to]
    backoff: Scores  # [I], within [0, 0.5]
    name: str = "Markov (first order)"

    @classmethod
    def fit(cls, train: Sequence[Rows], n_items: int) -> Self:
        before = np.concatenate([np.empty(0, np.int64), *(history[:-1] for history in train)])
        after = np.concatenate([np.empty(0, np.int64), *(history[1:] for history in train)])
        ones = np.ones(len(before), dtype=np.float32)
        counts = _counts(train, n_items)
        return cls(
            csr_array((ones, (before, after)), shape=(n_items, n_items)),
            0.5 * counts / max(1.0, float(counts.max(initial=0.0))),
        )

    def score(self, histories: Sequence[Rows]) -> Scores:
        scores = np.tile(self.backoff, (len(histories), 1))  # [B, I]
        known = [user for user, history in enumerate(histories) if len(history)]
        if known:
            scores[known] += self.transitions[[int(histories[user][-1]) for user in known]].toarray()
        return scores


def _counts(train: Sequence[Rows], n_items: int) -> Scores:
    return np.bincount(np.concatenate([np.empty(0, np.int64), *train]), minlength=n_items).astype(np.float32)
