"""Who carries which value, of a bundle's items and those appended since, without the rows that are hidden.

One value is looked up at the cost of the items that have it. The whole inverted file, which only those need who read
a column from end to end, is made when it is first asked for.

Letters: n rows of the bundle, m appended, V values, E (row, value) pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from index.columns import fold
from index.live_columns import AppendedTerms
from index.terms import TermColumn, Terms


@dataclass(frozen=True, eq=False)
class LiveTerms(Terms):
    """The terms of one column in one snapshot. See Terms."""

    base: Terms  # over n rows
    appended: AppendedTerms
    count: int  # m
    alive: np.ndarray  # bool [n + m]

    def rows_of(self, value: str) -> np.ndarray:
        """See Terms."""
        later = self.appended.rows_of(value, self.count) + np.int32(len(self.alive) - self.count)
        rows = np.concatenate([self.base.rows_of(value), later])
        living: np.ndarray = rows[self.alive[rows]]
        return living

    @property
    def values(self) -> tuple[str, ...]:
        """See Terms. A value that no living item carries any more is still among them."""
        return self._merged.values

    @property
    def codes(self) -> Mapping[str, int]:
        """See Terms."""
        return self._merged.codes

    @property
    def starts(self) -> np.ndarray:
        """See Terms."""
        return self._merged.starts

    @property
    def rows(self) -> np.ndarray:
        """See Terms."""
        return self._merged.rows

    @property
    def present(self) -> np.ndarray:
        """See Terms."""
        return self._merged.present

    @cached_property
    def _merged(self) -> TermColumn:
        pairs = self.appended.pairs(self.count)  # [E, 2]
        values, codes = list(self.base.values), dict(self.base.codes)
        renumber = np.zeros(len(self.appended.values), np.int64)
        for code in dict.fromkeys(pairs[:, 0].tolist()):
            value = self.appended.values[code]
            if fold(value) not in codes:
                codes[fold(value)] = len(values)
                values.append(value)
            renumber[code] = codes[fold(value)]
        base = np.repeat(np.arange(len(self.base.values)), np.diff(self.base.starts))
        rows = np.concatenate([self.base.rows, pairs[:, 1] + len(self.alive) - self.count])
        code_of = np.concatenate([base, renumber[pairs[:, 0]]])  # [E]
        kept = self.alive[rows]
        rows, code_of = rows[kept], code_of[kept]
        order = np.argsort(code_of, kind="stable")  # rows ascend within a value, in both parts and together
        starts = np.concatenate([[0], np.cumsum(np.bincount(code_of, minlength=len(values)))])
        present = np.zeros(len(self.alive), bool)
        present[rows] = True
        return TermColumn(
            tuple(values), codes, starts.astype(np.int64), rows[order].astype(np.int32), present
        )
