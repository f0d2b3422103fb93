"""Everything a sentence may speak of in one catalogue: built once a bundle, then only read and copied.

    Vocabulary(catalogue, known_words) -> parse(sentence, vocabulary)

Nothing in it knows a catalogue's attributes beforehand: columns come with their kinds, values, numbers and names.
"""

from collections.abc import Sequence
from copy import copy
from functools import cache

import numpy as np

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.attributes import (
    EXTREMES,
    NAME_NOISE,
    Numeric,
    name_stems,
    numeric_columns,
)
from service.constraints.catalogue_words import Value
from service.constraints.flags import Flag, flag_columns
from service.constraints.naming import is_naming
from service.constraints.pairs import find_pairs
from service.constraints.tokens import root
from service.constraints.units import CONCEPTS, units_of
from service.constraints.values import ValueIndex


@cache
def concepts_by_root() -> dict[str, frozenset[str]]:
    """The concepts that a word tells, by what it shares with others: "rated" and "rating"."""
    found: dict[str, frozenset[str]] = {}
    for concept, marks in CONCEPTS.items():
        for mark in marks:
            found[root(mark)] = found.get(root(mark), frozenset()) | {concept}
    return found


class Vocabulary:
    """Values, numbers and names of one catalogue's columns."""

    def __init__(self, catalogue: Catalogue, known_words: Sequence[str] = ()) -> None:
        self.catalogue = catalogue
        self.numeric: tuple[Numeric, ...] = numeric_columns(catalogue)
        self.flags: tuple[Flag, ...] = flag_columns(catalogue)
        self.values = ValueIndex(catalogue, known_words, frozenset(flag.name for flag in self.flags))
        self.numeric_by_name = {column.name: column for column in self.numeric}
        self.pairs = find_pairs(self.numeric)
        self._flag_of = {flag.stems: flag for flag in self.flags}
        for flag in self.flags:
            if flag.telling and not self.values.find(flag.telling):
                self._flag_of.setdefault(flag.telling, flag)
        self._names: dict[tuple[str, ...], str] = {}
        for name in (*self.values.columns, *self.numeric_by_name):
            parts = name_stems(name)
            telling = tuple(stem for stem in parts if stem not in NAME_NOISE | EXTREMES)
            self._names.setdefault(parts, name)
            self._names.setdefault(telling or parts, name)
            for stem in telling:
                if len(telling) > 1 and not units_of(stem):
                    self._names.setdefault((stem,), name)
        self._roots = {root(key[0]): name for key, name in reversed(self._names.items()) if len(key) == 1}
        self.longest_name = max([1, *(len(key) for key in (*self._names, *self._flag_of))])

    def of(self, catalogue: Catalogue, values: Sequence[Value] = ()) -> "Vocabulary":
        """This vocabulary for a catalogue that grew out of its own, with the values that are new. This one stays."""
        grown = copy(self)
        grown.catalogue = catalogue
        if values:
            grown.values = self.values.with_values(catalogue, values)
        return grown

    def attribute(self, key: tuple[str, ...]) -> str | None:
        """The column that words name: by its name, a telling part of it, or a word of the same root."""
        if (name := self._names.get(key)) is not None:
            return name
        return self._roots.get(root(key[0])) if len(key) == 1 else None

    def number_words(self, stem: str) -> tuple[Numeric, ...]:
        """The numeric columns that a word may speak of: by name, or by what it is of ("costs": the price)."""
        name = self.attribute((stem,))
        if name in self.numeric_by_name:
            return (self.numeric_by_name[name],)
        if units_of(stem):
            return ()
        concepts = concepts_by_root().get(root(stem), frozenset())
        return tuple(column for column in self.numeric if concepts & set(column.concepts))

    def flag(self, key: tuple[str, ...]) -> Flag | None:
        """The yes/no column of that name."""
        return self._flag_of.get(key)

    def names_things(self) -> bool:
        """Whether a column of names (brand, director) is there that "by X" can be about."""
        return any(
            (kind is ColumnKind.CATEGORICAL and name not in self.values.descriptive) or is_naming(name)
            for name, kind in self.values.kinds.items()
        )

    def occur_together(self, column: str, one: str, other: str) -> bool:
        """Whether an item has both values."""
        terms = self.catalogue.terms(column)
        return bool(np.isin(terms.rows_of(one), terms.rows_of(other), assume_unique=True).any())
