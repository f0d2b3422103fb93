"""The weights of a sum of scorers, chosen on validation: what makes NDCG@10 as served the largest.

The score of the sum is linear in the weights, and so is its lead over the target's, item by item. That lead
is all the search needs: for each user the items that could stand before the target (the best of each scorer,
the history excluded) and, per scorer, by how much their score differs from the target's. A rank is then a
count of positive sums, without sorting and without a matrix [U, I].

An item outside every scorer's best cannot pass those inside, but it could pass a target that ranks low in all
of them; with 100 candidates a scorer the first ten places are exact in practice, and figures that are
reported come from a full ranking anyway.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.baselines.scorer import Rows, Scorer, Scores
from training.data import EvalRows
from training.metrics import history_mask, ndcg_at
from training.ranking import chunk_users

Weights = NDArray[np.float64]

__all__ = ["GRID", "Choice", "Pool", "WeightedSum", "candidate_pool", "choose_weights"]

GRID = (0.0, *(2.0 ** (step / 2) for step in range(-10, 11)))  # 0 and half octaves from 1/32 to 32
NO_GAIN = 1e-9  # in NDCG; below it the smaller weight stays


@dataclass(frozen=True)
class WeightedSum:
    """The sum of scorers, each times its weight. A scorer of weight 0 is never asked."""

    name: str
    parts: tuple[tuple[Scorer, float], ...]

    def score(self, histories: Sequence[Rows]) -> Scores:
        used = [(scorer, np.float32(weight)) for scorer, weight in self.parts if weight > 0]
        if not used:
            raise ValueError(f"{self.name}: all weights are 0")
        total: Scores = used[0][0].score(histories) * used[0][1]  # [B, I]
        for scorer, weight in used[1:]:
            total += scorer.score(histories) * weight
        return total


class Pool(NamedTuple):
    """M candidate items over all users, each with its lead over its user's target in each of S scorers."""

    names: tuple[str, ...]
    leads: NDArray[np.float32]  # [S, M]
    users: NDArray[np.int64]  # [M], into reachable
    reachable: NDArray[np.bool_]  # [U], False where the target is in the history: a miss whatever the weights


class Choice(NamedTuple):
    """Weights for raw scores (the largest is 1), the NDCG@10 as served they reach, over how many users."""

    weights: dict[str, float]
    ndcg: float
    users: int


def candidate_pool(
    scorers: Sequence[Scorer],
    rows: EvalRows,
    n_items: int,
    per_scorer: int = 100,
    memory_bytes: int = 1 << 30,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Pool:
    """Score the users of `rows` in chunks and keep what the choice of weights needs.

    Where the pool would outgrow memory_bytes, a random part of the users stands for all; Choice.users says
    how many.
    """
    bytes_per_user = 4 * len(scorers) * min(n_items, per_scorer * len(scorers))
    chosen = np.arange(len(rows.targets))
    if len(chosen) * bytes_per_user > memory_bytes:
        fit = max(1, memory_bytes // bytes_per_user)
        chosen = np.sort(np.random.default_rng(seed).permutation(len(chosen))[:fit])
    step = max(1, chunk_users(n_items, 256 << 20) // (len(scorers) + 1))
    leads, users = [np.empty((len(scorers), 0), np.float32)], [np.empty(0, np.int64)]
    reachable = np.ones(len(chosen), dtype=np.bool_)
    for start in range(0, len(chosen), step):
        part = chosen[start : start + step]
        histories, targets = [rows.histories[user] for user in part], rows.targets[part]
        seen = history_mask(histories, n_items)  # [B, I]
        here = np.arange(len(part))
        reachable[start : start + step] = ~seen[here, targets]
        scores = [scorer.score(histories) for scorer in scorers]  # S of [B, I]
        best = np.zeros_like(seen)
        for matrix in scores:
            best[here[:, None], _top(np.where(seen, -np.inf, matrix), per_scorer)] = True
        best &= ~seen & reachable[start : start + step, None]
        best[here, targets] = False
        user, item = np.nonzero(best)  # [M] each
        leads.append(np.stack([matrix[user, item] - matrix[user, targets[user]] for matrix in scores]))
        users.append(user + start)
        if progress is not None:
            progress(len(part))
    return Pool(
        tuple(scorer.name for scorer in scorers),
        np.concatenate(leads, axis=1),
        np.concatenate(users),
        reachable,
    )


def choose_weights(
    pool: Pool, grid: Sequence[float] = GRID, random_starts: int = 2, seed: int = 0, k: int = 10
) -> Choice:
    """Coordinate search over `grid` from several starts: all equal, the best scorer alone, and random ones.

    Scorers are first brought to one scale (the standard deviation of their leads over all candidates), so
    that one grid fits all; the weights returned are for raw scores. One sweep tries every grid value for
    every scorer and keeps the best, among equals the smallest, so that a scorer that does not help gets 0; a
    start ends when a sweep gains nothing. Deterministic for a seed.
    """
    scales = np.array([max(float(lead.std()), 1e-12) if lead.size else 1.0 for lead in pool.leads])
    leads: NDArray[np.float32] = (pool.leads / scales[:, None]).astype(np.float32)
    count = len(leads)
    alone: Weights = np.eye(count)[int(np.argmax([_ndcg(pool, lead, k) for lead in leads]))]
    random = np.random.default_rng(seed)
    starts: list[Weights] = [np.ones(count), alone]
    starts += [np.exp2(random.uniform(-3, 3, size=count)) for _ in range(random_starts)]
    weights, ndcg = max((_climb(pool, leads, start, grid, k) for start in starts), key=lambda found: found[1])
    raw = weights / scales
    raw /= raw.max() if raw.max() > 0 else 1.0
    return Choice(dict(zip(pool.names, raw.tolist(), strict=True)), ndcg, len(pool.reachable))


def _climb(
    pool: Pool, leads: NDArray[np.float32], start: Weights, grid: Sequence[float], k: int
) -> tuple[Weights, float]:
    weights = start.copy()
    best = _ndcg(pool, _total(leads, weights), k)
    while True:
        before = best
        for scorer, lead in enumerate(leads):
            others = weights.copy()
            others[scorer] = 0.0
            if not others.any():
                continue  # alone, its weight changes nothing
            rest = _total(leads, others)  # [M]
            for value in grid:
                found = _ndcg(pool, rest + np.float32(value) * lead, k)
                simpler = value < weights[scorer] and found >= best - NO_GAIN
                if found > best + NO_GAIN or simpler:
                    best, weights[scorer] = max(best, found), value
        if best <= before + NO_GAIN:
            return weights, best


def _total(leads: NDArray[np.float32], weights: Weights) -> NDArray[np.float32]:
    total: NDArray[np.float32] = weights.astype(np.float32) @ leads
    return total


def _ndcg(pool: Pool, lead: NDArray[np.float32], k: int) -> float:
    """Mean NDCG@k of all users when the candidates lead their targets by `lead` [M]."""
    users = len(pool.reachable)
    greater = np.bincount(pool.users[lead > 0], minlength=users)
    equal = np.bincount(pool.users[lead == 0], minlength=users)
    ranks = np.where(pool.reachable, 1.0 + greater + equal / 2, np.inf)
    return float(ndcg_at(ranks, k).mean())


def _top(scores: Scores, count: int) -> Rows:
    """Columns of the `count` largest entries of each row, in no order: [B, count]."""
    if count >= scores.shape[1]:
        return np.tile(np.arange(scores.shape[1]), (len(scores), 1))
    return np.argpartition(scores, -count, axis=1)[:, -count:]
