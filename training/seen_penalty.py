"""What is taken off the scores of items a user has seen, where those compete: chosen on validation.

Published figures rank the items of the history along with all others. A scorer that likes what resembles the
history then fills its first places with the history itself. A fixed penalty on the seen mends most of that and
keeps repeat purchases possible; 0 changes nothing, infinity puts the seen behind everything else.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from training.baselines.scorer import Scorer
from training.data import EvalRows
from training.metrics import history_mask, ndcg_at, penalised_ranks
from training.ranking import chunk_users
from training.train_id_recommenders import sample_rows

__all__ = ["PENALTY_USERS", "SeenPenalty", "choose_penalty"]

PENALTY_USERS = 4_000  # of validation, drawn by seed
GRID = (0.0, *(2.0**octave for octave in range(-4, 9)), np.inf)  # in standard deviations of a user's scores


class SeenPenalty(NamedTuple):
    """The penalty in units of the score, and the validation NDCG@10, unmasked, without and with it."""

    value: float
    ndcg_without: float
    ndcg: float


def choose_penalty(
    scorer: Scorer,
    valid: EvalRows,
    n_items: int,
    seed: int = 0,
    memory_bytes: int = 64 << 20,
    progress: Callable[[int], None] | None = None,
) -> SeenPenalty:
    """The best of GRID for NDCG@10 on at most PENALTY_USERS validation users; among equals the smallest."""
    rows = sample_rows(valid, PENALTY_USERS, seed)
    step = chunk_users(n_items, memory_bytes)
    penalties: list[float] = []
    gains = np.zeros(len(GRID))
    for start in range(0, len(rows.targets), step):
        histories, targets = rows.histories[start : start + step], rows.targets[start : start + step]
        scores = scorer.score(histories)  # [B, I]
        if not penalties:  # the first chunk's spread stands for all
            spread = float(scores.std(axis=1).mean())
            penalties = [0.0, *(share * spread for share in GRID[1:-1]), np.inf]
        seen = history_mask(histories, n_items)
        gains += [ndcg_at(penalised_ranks(scores, targets, seen, penalty), 10).sum() for penalty in penalties]
        if progress is not None:
            progress(len(targets))
    best = int(np.argmax(gains))
    users = len(rows.targets)
    return SeenPenalty(penalties[best], float(gains[0]) / users, float(gains[best]) / users)
