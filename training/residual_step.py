"""How far to go from zero-shot: the share of what training added that generalises best.

Trained weights fit the training rows closer than new ones deserve: between the zero-shot start and the end of training
lies a point that beats both on data of another day (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
Here it is one number, z = normalize(base + step * W h_s), the same for items and users, chosen on validation and then
multiplied into W.

Letters: I items, U users, D backbone width.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from model.bi_tuning import BiTuning
from training.data import EvalRows
from training.metrics import history_mask, ndcg_at, target_ranks
from training.ranking import chunk_users
from training.scorers import Encoding

Vectors = NDArray[np.float32]

STEPS = tuple(round(0.1 * tenth, 1) for tenth in range(11))


class Chosen(NamedTuple):
    """The step, and the validation NDCG@10 as served with it and with all that training added."""

    step: float
    ndcg: float
    ndcg_trained: float


def choose_step(
    encoding: Encoding,
    item_side: BiTuning,
    user_side: BiTuning,
    rows: EvalRows,
    steps: Sequence[float] = STEPS,
) -> Chosen:
    """Choose among `steps`, of which 1 is one; among equals the smallest, which stays nearest to zero-shot."""
    text, items, collaborative = encoding
    catalogue = [items.history([row]) for row in range(len(items.item_ids))]
    item_parts = text.residual_parts(item_side, catalogue, collaborative)  # [I, D] each
    histories = [items.history(history) for history in rows.histories]
    user_parts = text.residual_parts(user_side, histories, collaborative)  # [U, D] each
    ndcgs = [_ndcg(_sum(user_parts, step), _sum(item_parts, step), rows) for step in steps]
    best = int(np.argmax(ndcgs))
    return Chosen(steps[best], ndcgs[best], ndcgs[list(steps).index(1.0)])


@torch.no_grad()
def take_step(side: BiTuning, step: float) -> None:
    """Multiply what the side adds to its start."""
    side.residual.weight.mul_(step)


def _sum(parts: tuple[Vectors, Vectors], step: float) -> Vectors:
    base, added = parts
    total = base + np.float32(step) * added
    unit: Vectors = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return unit


def _ndcg(users: Vectors, items: Vectors, rows: EvalRows) -> float:
    """NDCG@10 as served: items of the history excluded."""
    size = chunk_users(len(items), 64 << 20)
    gains = [np.empty(0)]
    for start in range(0, len(users), size):
        chunk = slice(start, start + size)
        mask = history_mask(rows.histories[chunk], len(items))
        gains.append(ndcg_at(target_ranks(users[chunk] @ items.T, rows.targets[chunk], mask), 10))
    return float(np.concatenate(gains).mean())
