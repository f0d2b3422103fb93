"""Linear item-item recommenders as factor pairs, so that an index can serve them by inner product.

A user's scores are h A: h the recency-weighted bag of the history [I], A the item-item matrix [I, I]. For the
index A has to become U V^T with r columns. The truncated SVD is the best rank-r copy of A if all bags h are
equally likely. They are not: what counts is E |h (A - U V^T)|^2 = |C^(1/2) (A - U V^T)|^2, with C the second
moment of h. Its minimum is reduced-rank regression (Izenman 1975): V holds the leading eigenvectors of A^T C
A, and U = A V. A share of the identity in C keeps rare items from being forgotten.

The eigenvectors come from subspace iteration (Halko, Martinsson, Tropp 2011), which needs products with A
only: A is never squared, and a sparse A stays sparse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.fusion import ItemFactors
from training.baselines.item_item import ItemItem
from training.baselines.scorer import Rows, Scores, dense, recency_matrix
from training.baselines.text import TextMean

__all__ = ["FactorScorer", "factorise", "popularity_factors"]

OVERSAMPLING = 32
ITERATIONS = 4
IDENTITY_SHARE = 0.3  # of the mean diagonal entry of C

Product = Callable[[Scores], Scores]


@dataclass(frozen=True)
class FactorScorer:
    """Scores as the index will: the recency-weighted sum of user-side rows, times the item side."""

    factors: ItemFactors

    @property
    def name(self) -> str:
        return self.factors.name

    def score(self, histories: Sequence[Rows]) -> Scores:
        _, user_side, item_side, decay, constant = self.factors
        if constant:
            return np.tile(item_side.sum(axis=1), (len(histories), 1))
        users = dense(recency_matrix(histories, len(item_side), decay) @ user_side)  # [B, r]
        return users @ item_side.T  # [B, I]


def popularity_factors(log_counts: Scores) -> ItemFactors:
    """Log popularity as one column: its user side is 1 whatever the history."""
    column = log_counts[:, None].astype(np.float32)
    return ItemFactors("popularity", np.ones_like(column), column, decay=1.0, constant=True)


def factorise(model: ItemItem | TextMean, rank: int, histories: Sequence[Rows], seed: int = 0) -> ItemFactors:
    """The rank-r copy of a linear scorer that errs least on `histories` (the training ones).

    Deterministic for a seed. Rank is at most the number of items. Items outside `model.kept` get rows of
    zeros.
    """
    n_items = model.n_items if isinstance(model, ItemItem) else int(model.vectors.shape[0])
    kept = model.kept if isinstance(model, ItemItem) else None
    bags = recency_matrix(histories, n_items, model.decay)  # [U, I]
    if kept is not None:
        bags = bags[:, kept]
    forward, transposed = _products(model)
    user_side, item_side = reduced_rank(forward, transposed, bags, rank, seed)
    if kept is not None:
        user_side, item_side = (_scatter(side, kept, n_items) for side in (user_side, item_side))
    return ItemFactors(model.name, user_side, item_side, model.decay)


def reduced_rank(
    forward: Product, transposed: Product, bags: Any, rank: int, seed: int = 0
) -> tuple[Scores, Scores]:
    """U = A V and V [I, r], V the leading eigenvectors of A^T (C + share * mean diagonal * identity) A.

    forward(X) = A X and transposed(X) = A^T X for X [I, r]; C = bags^T bags, bags sparse [U, I].
    """
    n_items = bags.shape[1]
    rank = min(rank, n_items)
    identity = np.float32(IDENTITY_SHARE * max(float((bags.data**2).sum()), 1.0) / n_items)

    def moment(block: Scores) -> Scores:
        image = forward(block)  # [I, r]
        return transposed(bags.T @ (bags @ image) + identity * image)

    width = min(n_items, rank + OVERSAMPLING)
    block = np.random.default_rng(seed).standard_normal((n_items, width), dtype=np.float32)
    basis: Scores = np.linalg.qr(block)[0]
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(moment(basis))[0]
    small = basis.T @ moment(basis)  # [r', r']
    _, vectors = np.linalg.eigh((small + small.T) / 2)  # ascending
    item_side = basis @ vectors[:, ::-1][:, :rank]  # [I, r]
    return forward(item_side), item_side


def _products(model: ItemItem | TextMean) -> tuple[Product, Product]:
    if isinstance(model, TextMean):
        vectors = model.vectors  # A = vectors vectors^T is symmetric, and never formed

        def similar(block: Scores) -> Scores:
            return dense(vectors @ (vectors.T @ block))

        return similar, similar
    matrix = model.matrix
    return (lambda block: dense(matrix @ block)), (lambda block: dense(matrix.T @ block))


def _scatter(side: Scores, kept: Rows, n_items: int) -> Scores:
    scattered = np.zeros((n_items, side.shape[1]), dtype=np.float32)
    scattered[kept] = side
    return scattered
