"""Where a scorer puts the right item of each user, in the two ways the project reports.

As served: the items of the user's history are excluded, as the service excludes them; a target that the
history already holds counts as a miss. Unmasked: all items compete, as most papers report; with a penalty,
the seen ones from further behind (training/seen_penalty.py). Users are scored in chunks: a score matrix [U,
I] is never held whole.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from training.baselines.scorer import Scorer
from training.data import EvalRows
from training.metrics import (
    Ranks,
    history_mask,
    ndcg_at,
    penalised_ranks,
    recall_at,
    reciprocal,
    target_ranks,
)

__all__ = ["Metrics", "RankedUsers", "chunk_users", "rank_users", "summarise"]

BYTES_PER_SCORE = 16  # float32 scores, one float32 temporary of the scorer, and the comparison masks


class RankedUsers(NamedTuple):
    """Rank of each user's target [U], float64, 1-based."""

    served: Ranks
    unmasked: Ranks
    penalised: Ranks  # unmasked, with the penalty taken off the scores of the seen; equal to it without one


class Metrics(NamedTuple):
    """Means over users. MRR is over the full ranking."""

    recall: float
    ndcg: float
    mrr: float


def chunk_users(n_items: int, memory_bytes: int) -> int:
    """How many users' scores over n_items fit into memory_bytes, at least 1."""
    return max(1, memory_bytes // (BYTES_PER_SCORE * max(1, n_items)))


def rank_users(
    scorer: Scorer,
    rows: EvalRows,
    n_items: int,
    memory_bytes: int = 64 << 20,
    progress: Callable[[int], None] | None = None,
    penalty: float = 0.0,
) -> RankedUsers:
    """Score and rank the users of `rows`, in all ways from one pass.

    `progress` receives the number of users done in each step.
    """
    step = chunk_users(n_items, memory_bytes)
    served, unmasked, penalised = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    for start in range(0, len(rows.targets), step):
        histories, targets = rows.histories[start : start + step], rows.targets[start : start + step]
        scores = scorer.score(histories)  # [B, I]
        seen = history_mask(histories, n_items)  # [B, I]
        unmasked.append(target_ranks(scores, targets))
        served.append(target_ranks(scores, targets, seen))
        penalised.append(penalised_ranks(scores, targets, seen, penalty) if penalty else unmasked[-1])
        if progress is not None:
            progress(len(targets))
    return RankedUsers(np.concatenate(served), np.concatenate(unmasked), np.concatenate(penalised))


def summarise(ranks: Ranks, k: int = 10) -> Metrics:
    """Recall@k, NDCG@k and MRR, averaged over users."""
    return Metrics(
        float(recall_at(ranks, k).mean()), float(ndcg_at(ranks, k).mean()), float(reciprocal(ranks).mean())
    )
