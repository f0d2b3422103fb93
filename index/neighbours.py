"""Neighbours: which items speak for which, as sparse weights beside the dense vectors.

    score(i) = <user vector, item vector i>  +  sum over history items j of decay^(number of newer items) * W[j, i]

W is the item-item matrix of a linear collaborative model (EASE: Steck 2019, https://arxiv.org/abs/1905.03375),
non-negative, a row's strongest weights only, already multiplied by its part in the score. It is kept next to the
vectors because factors of a width that a vector can afford lose much of it. Here its rows are the catalogue's.

No weight is negative, so an item that no history item speaks for scores its inner product alone, and one that is
spoken for never less: masked_search.py searches exactly on that ground.

Letters: n items, W the weights, E weights stored, N history, m boosted rows, M rows asked about.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from index.tensors import all_finite


class Boosts(NamedTuple):
    """What one history adds to the inner products; every other row gains nothing."""

    rows: np.ndarray  # int64 [m], ascending, each once
    values: np.ndarray  # float32 [m], finite, >= 0


class Spoken(NamedTuple):
    """All weights of a history, decayed; E of them."""

    position: np.ndarray  # int64 [E], in the history
    rows: np.ndarray  # [E], the row that is spoken for
    weights: np.ndarray  # float64 [E]


class Speaking(ABC):
    """What a history of rows adds, to whom, and which item of it adds how much."""

    @abstractmethod
    def spoken_for(self, history: Sequence[int]) -> Spoken:
        """All weights of a history, oldest first. Raises IndexError for a row that is none."""

    def boosts(self, history: Sequence[int]) -> Boosts:
        """What a history of rows, oldest first, adds; an item that occurs twice counts with each occurrence.

        Summed in float64. Raises IndexError for a row outside 0..n-1.
        """
        _, targets, weights = self.spoken_for(history)
        rows, place = np.unique(targets, return_inverse=True)  # [m], [E of the history]
        values = np.bincount(place, weights, minlength=len(rows))
        return Boosts(rows.astype(np.int64), values.astype(np.float32))

    def parts(self, history: Sequence[int], rows: Sequence[int]) -> np.ndarray:
        """float32 [N, M]: what each item of the history adds to each of `rows`, which are different ones.

        The sum over the history is what `boosts` gives these rows. Raises IndexError for a history row outside 0..n-1.
        """
        wanted = np.asarray(rows, np.int64)  # [M]
        if not len(wanted):
            return np.zeros((len(history), 0), np.float32)
        position, targets, weights = self.spoken_for(history)
        order = np.argsort(wanted)
        found = np.searchsorted(wanted, targets, sorter=order)
        column = order[np.minimum(found, len(wanted) - 1)]
        asked = wanted[column] == targets
        cells = position[asked] * len(wanted) + column[asked]
        sums = np.bincount(cells, weights[asked], minlength=len(history) * len(wanted))
        return sums.reshape(len(history), len(wanted)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Neighbours(Speaking):
    """Row j speaks for the rows `rows[starts[j] : starts[j + 1]]`, with the weights of the same places."""

    starts: np.ndarray  # int64 [n + 1]
    rows: np.ndarray  # int32 [E]
    weights: np.ndarray  # float32 [E], finite, >= 0
    decay: float  # in (0, 1]: the newest item counts 1, the one before it `decay`, ...

    def __post_init__(self) -> None:
        """Raises ValueError that says what is wrong."""
        for name, kind in (("starts", np.int64), ("rows", np.int32), ("weights", np.float32)):
            array = getattr(self, name)
            if array.dtype != kind or array.ndim != 1:
                raise ValueError(
                    f"{name} must be {kind.__name__} with one axis, not {array.dtype}{array.shape}"
                )
        if len(self.rows) != len(self.weights):
            raise ValueError(f"{len(self.rows)} rows need as many weights, not {len(self.weights)}")
        ends_meet = len(self.starts) > 0 and self.starts[0] == 0 and self.starts[-1] == len(self.rows)
        if not ends_meet or (np.diff(self.starts) < 0).any():
            raise ValueError("starts do not rise from 0 to the number of weights")
        if len(self.rows) and not (self.rows.min() >= 0 and self.rows.max() < len(self)):
            raise ValueError(f"rows must lie in 0..{len(self) - 1}")
        if not all_finite(self.weights) or (len(self.weights) and self.weights.min() < 0):
            raise ValueError("weights must be finite and not negative")
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay must lie above 0 and not above 1, not {self.decay}")

    @classmethod
    def empty(cls, n: int) -> "Neighbours":
        """n items of which none speaks for another."""
        return cls(np.zeros(n + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), 1.0)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def spoken_for(self, history: Sequence[int]) -> Spoken:
        """See Speaking; `rows` int32."""
        items = np.asarray(history, np.int64)  # [N]
        if len(items) and not 0 <= items.min() <= items.max() < len(self):
            raise IndexError(f"a history row is not in 0..{len(self) - 1}")
        first = self.starts[items]
        counts = self.starts[items + 1] - first  # [N]
        before = np.cumsum(counts) - counts  # weights of older items
        places = np.repeat(first - before, counts) + np.arange(counts.sum())
        ages = np.arange(len(items) - 1, -1, -1)  # [N], number of newer items
        position = np.repeat(np.arange(len(items)), counts)
        return Spoken(position, self.rows[places], self.weights[places] * (self.decay**ages)[position])


def check_boosts(boosts: Boosts, items: int) -> None:
    """Raises ValueError where they cannot be added to the scores of so many items."""
    rows, values = boosts
    if rows.dtype != np.int64 or values.dtype != np.float32 or rows.ndim != 1 or rows.shape != values.shape:
        kinds = f"{rows.dtype}{rows.shape} and {values.dtype}{values.shape}"
        raise ValueError(f"boosts must be int64 [m] rows and float32 [m] values, not {kinds}")
    if len(rows) and not (rows[0] >= 0 and rows[-1] < items and (rows[1:] > rows[:-1]).all()):
        raise ValueError(f"boosted rows must ascend within 0..{items - 1}, each once")
    if len(rows) and not (values.min() >= 0 and values.max() < np.inf):
        raise ValueError("boosts must be finite and not negative")
