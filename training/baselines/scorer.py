"""What every ranking method is to the evaluation, and the two sparse matrices that the linear ones share."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

__all__ = ["Matrix", "Rows", "Scorer", "Scores", "binary_matrix", "dense", "recency_matrix"]

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
Matrix: TypeAlias = Scores | csr_array


class Scorer(Protocol):
    """Ranks all items for each history. Higher is better; an empty history must give finite scores."""

    @property
    def name(self) -> str: ...

    def score(self, histories: Sequence[Rows]) -> Scores:
        """Histories of rows, oldest first -> float32 [B, I]."""
        ...


def recency_matrix(histories: Sequence[Rows], n_items: int, decay: float) -> csr_array:
    """Histories as weighted bags of items [B, I]: the newest weighs 1, each older one `decay` times the next.

    An item that occurs twice weighs the sum of its occurrences.
    """
    lengths = [len(history) for history in histories]
    weights = [decay ** np.arange(length - 1, -1, -1, dtype=np.float32) for length in lengths]
    return _bags(histories, lengths, np.concatenate([np.empty(0, np.float32), *weights]), n_items)


def binary_matrix(histories: Sequence[Rows], n_items: int) -> csr_array:
    """1 where the user has the item, however often: [U, I]."""
    lengths = [len(history) for history in histories]
    matrix = _bags(histories, lengths, np.ones(sum(lengths), dtype=np.float32), n_items)
    matrix.data[:] = 1
    return matrix


def dense(matrix: Any) -> Scores:
    """A sparse or dense matrix as a float32 array."""
    array = np.asarray(matrix.toarray() if issparse(matrix) else matrix)
    return array.astype(np.float32, copy=False)


def _bags(
    histories: Sequence[Rows], lengths: Sequence[int], weights: NDArray[np.floating], n_items: int
) -> csr_array:
    users = np.repeat(np.arange(len(histories)), lengths)
    items = np.concatenate([np.empty(0, np.int64), *histories])
    matrix = csr_array(
        (weights.astype(np.float32), (users, items)), shape=(len(histories), n_items), dtype=np.float32
    )
    matrix.sum_duplicates()
    return matrix
