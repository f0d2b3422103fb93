"""What titles say a word means: "straightener" stands in titles of flattening irons, "dry hair" in no hair dryer's.

The text model goes by how words sound to it; the catalogue's own titles are better evidence where enough of them use
all words of a phrase. They vote for the smallest value that most of them have, and they veto a value that hardly any
has. Only columns that say what an item is (one path or one value an item) are asked, and none of names.

Letters: n titles that use the words, I items, V values.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.catalogue_words import Value
from service.constraints.naming import is_naming
from service.constraints.tokens import stems
from service.constraints.values import ValueIndex

LEAST_VOTES, LEAST_VETOES = 5, 10  # titles
MOST, HARDLY = 0.75, 0.1  # share of them
BROAD = 0.2  # share of the items from which a value is too broad to be what a word means
KEPT = 4096  # phrases whose titles are remembered

Rows = NDArray[np.int64]


class Titles:
    """The titles of one catalogue. Immutable once built."""

    def __init__(self, catalogue: Catalogue, index: ValueIndex) -> None:
        self._catalogue = catalogue
        self._uses: Mapping[str, Rows] = index.titles
        self._columns = tuple(
            name
            for name in index.columns
            if name in index.descriptive and index.kinds[name] is not ColumnKind.LIST and not is_naming(name)
        )
        self._values = {(value.column, value.value): value for value in index.all}
        self._rows = lru_cache(KEPT)(self._find_rows)
        self.vote = lru_cache(KEPT)(self._vote)

    def _find_rows(self, text: str) -> Rows:
        """int [n]: the items whose titles use every word."""
        used = [self._uses.get(stem, np.empty(0, np.int64)) for stem in stems(text)]
        rows = used[0] if used else np.empty(0, np.int64)
        for other in used[1:]:
            rows = np.intersect1d(rows, other)
        return rows

    def _vote(self, text: str) -> tuple[Value, float] | None:
        """The smallest value that most of the titles have, with the share that has it."""
        rows = self._rows(text)
        if len(rows) < LEAST_VOTES:
            return None
        found: list[tuple[Value, float]] = []
        for column in self._columns:
            terms = self._catalogue.terms(column)
            of_value = np.repeat(np.arange(len(terms.values)), np.diff(terms.starts))
            counts = np.bincount(of_value[np.isin(terms.rows, rows)], minlength=len(terms.values))  # [V]
            for place in np.flatnonzero(counts >= MOST * len(rows)):
                value = self._values[column, terms.values[place]]
                if value.items <= BROAD * len(self._catalogue):
                    found.append((value, float(counts[place] / len(rows))))
        return min(found, key=lambda each: (each[0].items, -each[1]), default=None)

    def veto(self, text: str, value: Value) -> bool:
        """Whether hardly any of the titles has the value."""
        rows = self._rows(text)
        if value.column not in self._columns or len(rows) < LEAST_VETOES:
            return False
        having = self._catalogue.terms(value.column).rows_of(value.value)
        return bool(np.isin(rows, having).mean() < HARDLY)
