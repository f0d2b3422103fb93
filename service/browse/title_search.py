"""Search as one types: the items whose titles begin with, contain or resemble what was typed so far.

    1  the title is the query                           "alien"        Alien
    2  the title begins with it                         "alie"         Alien, Aliens
    3  each word begins one of the title                "ring lord"    The Lord of the Rings
    4  each word begins one of the title or of a value  "scott alien"  Alien (director: Ridley Scott)
    5  so it would be, but for a space                  "god father"   The Godfather
    6  so it would be, but for slips of the pen         "shawshenk"    The Shawshank Redemption

Each step fills what the steps before left free; within a step shorter titles come first, then the catalogue's order.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.browse.words import Mask, WordIndex, fold

VALUES = (ColumnKind.CATEGORICAL, ColumnKind.LIST, ColumnKind.PATH)
JOINED_FROM = 4  # letters; fewer are somewhere in every title

Matched = Literal["title", "attributes", "spelling"]


class Match(NamedTuple):
    """A row that was found, and by what."""

    row: int
    by: Matched


class TitleSearch:
    """The titles and values of one catalogue. Immutable: any thread may search."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._titles = [fold(catalogue.title(row)) for row in range(len(catalogue))]
        self._joined = [title.replace(" ", "") for title in self._titles]
        lengths = np.array([len(title) for title in self._titles])
        self._order = np.argsort(lengths, kind="stable")  # int64 [n]: short titles first
        titles = list(enumerate(self._titles))
        self._title_words = WordIndex(titles, len(catalogue))
        self._all_words = WordIndex(chain(titles, _values(catalogue)), len(catalogue))

    def find(self, query: str, limit: int, alive: NDArray[np.bool_] | None = None) -> list[Match]:
        """At most `limit` rows, best first; any where the query is blank. `alive` bool [n]: those there are."""
        found: dict[int, Match] = {}
        for match in self._candidates(fold(query)):
            if alive is None or alive[match.row]:
                found.setdefault(match.row, match)
            if len(found) == limit:
                break
        return list(found.values())

    def _candidates(self, query: str) -> Iterator[Match]:
        if not query:
            yield from (Match(row, "title") for row in range(len(self._titles)))
            return
        titles, words = self._titles, query.split()
        yield from self._those((title == query for title in titles), "title")
        yield from self._those((title.startswith(query) for title in titles), "title")
        yield from self._those(self._title_words.having(words), "title")
        yield from self._those(self._all_words.having(words), "attributes")
        joined = "".join(words)
        if len(joined) >= JOINED_FROM:
            yield from self._those((joined in title for title in self._joined), "spelling")
        yield from self._those(self._title_words.having(words, slips=True), "spelling")

    def _those(self, which: Iterable[bool] | Mask, by: Matched) -> Iterator[Match]:
        mask = np.fromiter(which, bool, len(self._titles))
        return (Match(row, by) for row in self._order[mask[self._order]].tolist())


def _values(catalogue: Catalogue) -> Iterator[tuple[int, str]]:
    """Every row with every value it has, folded."""
    for name, column in catalogue.columns.items():
        if column.kind in VALUES:
            terms = catalogue.terms(name)
            for code, value in enumerate(terms.values):
                folded = fold(value)
                for row in terms.rows[terms.starts[code] : terms.starts[code + 1]].tolist():
                    yield row, folded
