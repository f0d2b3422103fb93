"""Ranking metrics for next-item recommendation: the rank of the one right item, and what follows from it.

Everything here is a pure function of arrays: scores [B, I] in, ranks [B] out, metrics [B] per user; averaging
is the caller's. Ranks start at 1. Items with equal scores share their average rank, so a scorer that gives
everything the same score is as good as chance and no better. A target that may not be served (it is in the
history, and seen items are excluded) has rank infinity: a miss in every metric. What this file does not do:
compute scores, or hold more than the rows it is given (see `training.ranking`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Interval",
    "history_mask",
    "ndcg_at",
    "paired_bootstrap",
    "penalised_ranks",
    "recall_at",
    "reciprocal",
    "target_ranks",
]

Scores = NDArray[np.float32]
Ranks = NDArray[np.float64]
Rows = NDArray[np.int64]


class Interval(NamedTuple):
    """Mean difference of two paired samples with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def history_mask(histories: Sequence[Rows], n_items: int) -> NDArray[np.bool_]:
    """True where an item is in the user's history: [B, I]."""
    mask = np.zeros((len(histories), n_items), dtype=np.bool_)
    users = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    if len(users):
        mask[users, np.concatenate(histories)] = True
    return mask


def target_ranks(scores: Scores, targets: Rows, excluded: NDArray[np.bool_] | None = None) -> Ranks:
    """Rank of `targets[b]` among the items of `scores[b]`, 1-based, ties averaged: 1 + greater + (equal
    others) / 2.

    scores [B, I], targets [B], excluded [B, I] or None: excluded items do not compete, and an excluded target
    ranks infinity. Raises ValueError for NaN, which compares as neither greater nor smaller and would look
    like a perfect rank.
    """
    if np.isnan(scores).any():
        raise ValueError("scores contain NaN")
    rows = np.arange(len(targets))
    own = scores[rows, targets][:, None]  # [B, 1]
    greater, equal = scores > own, scores == own  # [B, I]
    if excluded is not None:
        greater &= ~excluded
        equal &= ~excluded
    ranks: Ranks = greater.sum(axis=1) + (equal.sum(axis=1) + 1) / 2  # `equal` counts the target itself
    if excluded is not None:
        ranks[excluded[rows, targets]] = np.inf
    return ranks


def penalised_ranks(scores: Scores, targets: Rows, seen: NDArray[np.bool_], penalty: float) -> Ranks:
    """Rank of each target among all items when `penalty` is taken off the scores of the seen ones; ties averaged.

    scores [B, I], targets [B], seen [B, I]. 0 is the plain ranking; infinity puts every seen item behind every
    other, in their own order, so a target that was seen is still found there.
    """
    rows = np.arange(len(targets))
    lead = scores - scores[rows, targets][:, None]  # [B, I]
    seen_target = seen[rows, targets][:, None]  # [B, 1]
    off = np.float32(penalty)
    needed = np.where(seen == seen_target, np.float32(0), np.where(seen, off, -off))  # [B, I]
    ranks: Ranks = (lead > needed).sum(axis=1) + ((lead == needed).sum(axis=1) + 1) / 2
    return ranks


def recall_at(ranks: Ranks, k: int) -> Ranks:
    """1 where the target is among the first k, else 0. With one right item this is also the hit rate."""
    return (ranks <= k).astype(np.float64)


def ndcg_at(ranks: Ranks, k: int) -> Ranks:
    """1 / log2(rank + 1) where rank <= k, else 0: with one right item the ideal DCG is 1."""
    gains: Ranks = np.where(ranks <= k, 1.0 / np.log2(ranks + 1.0), 0.0)
    return gains


def reciprocal(ranks: Ranks) -> Ranks:
    """1 / rank over the full ranking; 0 for a target that is never served."""
    return 1.0 / ranks


def paired_bootstrap(a: Ranks, b: Ranks, seed: int = 0, samples: int = 2000) -> Interval:
    """Mean of a - b over users [U] with its 95 % percentile-bootstrap interval; users are resampled, each
    with both of its values.

    Pairing is what makes small differences visible: most of a metric's variance is between users, and the
    difference removes it.
    """
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise ValueError(f"need two equally long, non-empty samples, got shapes {a.shape} and {b.shape}")
    difference = a - b
    random = np.random.default_rng(seed)
    means = np.array(
        [difference[random.integers(len(difference), size=len(difference))].mean() for _ in range(samples)]
    )
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(difference.mean()), float(low), float(high))
