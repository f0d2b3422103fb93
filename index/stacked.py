"""Two tables as one: the rows of a bundle, mapped from disk, and those appended since. Neither is copied.

Letters: n rows of the first, m of the second, W width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Rows(Protocol):
    """What is read of a float32 table: an array, or a Stacked one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[rows, width]."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: int | list[int] | np.ndarray, /) -> np.ndarray:
        """One row [W], or the given ones [M, W]."""
        ...


class TokenRows(Protocol):
    """Token ids by row."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> np.ndarray:
        """int32 [tokens of the row]."""
        ...


@dataclass(frozen=True, eq=False)
class Stacked:
    """The rows of `first` [n, W], then those of `second` [m, W]."""

    first: np.ndarray
    second: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """[n + m, W]."""
        return (len(self), *self.first.shape[1:])

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, rows: int | list[int] | np.ndarray) -> np.ndarray:
        """One row [W], or the given ones [M, W] as a copy. Raises IndexError outside 0..n+m-1."""
        places = np.asarray(rows)
        if places.size and not 0 <= places.min() <= places.max() < len(self):
            raise IndexError(f"a row is not in 0..{len(self) - 1}")
        n = len(self.first)
        if places.ndim == 0:
            return np.asarray(self.first[places] if places < n else self.second[places - n])
        found = np.empty((len(places), *self.first.shape[1:]), self.first.dtype)
        appended = places >= n
        found[~appended] = self.first[places[~appended]]
        found[appended] = self.second[places[appended] - n]
        return found

    def products(self, vector: np.ndarray) -> np.ndarray:
        """float32 [n + m]: the inner product of each row with a vector [W]."""
        return np.concatenate([self.first @ vector, self.second @ vector])


@dataclass(frozen=True, eq=False)
class StackedTokens:
    """Token ids of the rows of `first`, then of the first `count` rows of `second`, which may grow on."""

    first: TokenRows
    second: Sequence[np.ndarray]
    count: int

    def __len__(self) -> int:
        return len(self.first) + self.count

    def __getitem__(self, row: int) -> np.ndarray:
        """int32 [tokens of the row]. Raises IndexError outside 0..n+m-1."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is not in 0..{len(self) - 1}")
        return self.first[row] if row < len(self.first) else self.second[row - len(self.first)]
