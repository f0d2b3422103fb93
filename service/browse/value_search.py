"""The values of all columns by how their words begin: what a sentence about this catalogue can name."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from service.browse.profile import value_counts
from service.browse.title_search import VALUES
from service.browse.words import WordIndex, fold


class Value(NamedTuple):
    """A value of a column, and how many items have it."""

    column: str
    value: str
    items: int


class ValueSearch:
    """The values of one catalogue. Immutable: any thread may search."""

    def __init__(self, catalogue: Catalogue, alive: NDArray[np.bool_]) -> None:
        """Values that no row `alive` (bool [n]) has are none."""
        found = [
            Value(name, each.value, each.items)
            for name, column in catalogue.columns.items()
            if column.kind in VALUES
            for each in value_counts(catalogue, name, alive)
        ]
        self._values = sorted(found, key=lambda value: -value.items)
        self._words = WordIndex(
            ((n, fold(value.value)) for n, value in enumerate(self._values)), len(self._values)
        )

    def find(self, query: str, limit: int) -> list[Value]:
        """At most `limit` values of which each word of the query begins one, those with most items first."""
        words = fold(query).split()
        if not words:
            return []
        return [self._values[n] for n in np.flatnonzero(self._words.having(words))[:limit]]
