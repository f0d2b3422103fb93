"""Linear item-item recommenders: scores are the recency-weighted sum of rows of one item-item matrix.

ItemKNN: cosine of co-occurrence, where items taken close together count more. EASE: ridge regression from all
other items, in closed form (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, eq. 8).
Both are fitted on training interactions only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array, diags_array

from training.baselines.scorer import Matrix, Rows, Scores, binary_matrix, dense, recency_matrix

__all__ = ["EASE", "ItemItem", "ItemKNN", "ease_items", "regression_weights"]

EASE_BYTES_PER_CELL = 8  # the float32 Gram matrix, inverted in place, and as much again while it is built

MIN_CLOSENESS = 1e-3  # pairs that would weigh less than this are not worth a pass


@dataclass(frozen=True)
class ItemItem:
    """scores = (recency-weighted bag of the history) @ matrix.

    With `kept`, the matrix is over those rows only and all other items score 0.
    """

    name: str
    matrix: Matrix  # [I, I], or [M, M] over `kept`
    decay: float
    n_items: int
    kept: NDArray[np.int64] | None = None  # [M], sorted

    def score(self, histories: Sequence[Rows]) -> Scores:
        bags = recency_matrix(histories, self.n_items, self.decay)  # [B, I]
        if self.kept is None:
            return dense(bags @ self.matrix)
        scores = np.zeros(bags.shape, dtype=np.float32)
        scores[:, self.kept] = dense(bags[:, self.kept] @ self.matrix)
        return scores


@dataclass(frozen=True)
class ItemKNN(ItemItem):
    """Cosine co-occurrence over all neighbours: c_ij / sqrt((n_i + shrink)(n_j + shrink)).

    c_ij sums closeness ** (places between the two, neighbours 0) over each pair in each training history, n_i
    is the number of users that have i. Without `shrink` two items that one user took once would be each
    other's perfect neighbour.
    """

    @classmethod
    def fit(
        cls,
        train: Sequence[Rows],
        n_items: int,
        closeness: float = 0.8,
        decay: float = 0.7,
        shrink: float = 1.0,
    ) -> Self:
        items = np.concatenate([np.empty(0, np.int64), *train])  # all histories, end to end
        owner = np.repeat(np.arange(len(train)), [len(history) for history in train])
        similarity = csr_array((n_items, n_items), dtype=np.float32)
        for gap in range(1, max((len(history) for history in train), default=0)):
            weight = closeness ** (gap - 1)
            if weight < MIN_CLOSENESS:
                break
            same = owner[:-gap] == owner[gap:]
            left, right = items[:-gap][same], items[gap:][same]
            weights = np.full(len(left), weight, dtype=np.float32)
            pairs = csr_array((weights, (left, right)), shape=similarity.shape)
            similarity = similarity + pairs + pairs.T
        users = binary_matrix(train, n_items).sum(axis=0)  # [I]
        scale = diags_array(1 / np.sqrt(np.maximum(users + shrink, 1e-9)).astype(np.float32))
        return cls("item-kNN", csr_array(scale @ similarity @ scale), decay, n_items)


@dataclass(frozen=True)
class EASE(ItemItem):
    """B = I - P diag(P)^-1 (diagonal 0), P = (X'X + penalty I)^-1, X the binary users-by-items matrix."""

    @classmethod
    def fit(
        cls,
        train: Sequence[Rows],
        n_items: int,
        penalty: float = 20.0,
        decay: float = 0.8,
        max_items: int = 20_000,
    ) -> Self:
        """Time grows with I ** 3, memory with I ** 2: beyond max_items only the most frequent take part."""
        interactions = binary_matrix(train, n_items)  # [U, I]
        kept: NDArray[np.int64] | None = None
        if n_items > max_items:
            order = np.argsort(-interactions.sum(axis=0), kind="stable")
            kept = np.sort(order[:max_items]).astype(np.int64)
            interactions = interactions[:, kept]
        return cls("EASE", ease_matrix(interactions, penalty), decay, n_items, kept)


def ease_items(n_items: int, memory_bytes: int = 4 << 30, max_items: int = 20_000) -> int:
    """How many of n_items EASE can take within max_items and memory_bytes."""
    return min(n_items, max_items, int(np.sqrt(memory_bytes / EASE_BYTES_PER_CELL)))


def ease_matrix(interactions: csr_array, penalty: float) -> Scores:
    """Steck's B [I, I] for a binary matrix [U, I], computed in place on the Gram matrix by Cholesky.

    float32 is enough: on 4,385 items it differs from float64 by less than 1e-6.
    """
    if penalty <= 0:
        raise ValueError(f"penalty must be positive for the Gram matrix to be invertible, got {penalty}")
    gram = dense(interactions.T @ interactions)  # [I, I]
    gram[np.diag_indices_from(gram)] += penalty
    return regression_weights(gram)


def regression_weights(gram: Scores) -> Scores:
    """I - P diag(P)^-1 with P = gram^-1, for a positive definite gram [I, I], which is overwritten."""
    # LAPACK works in the other order; the matrix is symmetric. Only the lower triangle of what follows is the inverse.
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    inverse, singular = lapack.spotri(factor, lower=1, overwrite_c=1)
    assert (failed, singular) == (0, 0), "a Gram matrix plus a penalty is positive definite"
    for row in range(len(inverse)):
        inverse[row, row + 1 :] = inverse[row + 1 :, row]
    weights: Scores = inverse.T  # the same symmetric matrix in C order
    weights /= -np.diag(weights).copy()
    weights[np.diag_indices_from(weights)] = 0
    return weights
