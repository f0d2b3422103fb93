"""The values of the catalogue, by their words: exact, by part of a name, and misspelt.

A value is found by its stems ("Lotions" by "lotion"), without its "and" ("Oils, Serums"), by one side of an "and"
("serums"), by the initials of its words ("SF"), by a word that only it and few others of its column have ("Nolan"),
and by words one or two slips of the pen away (spelling.py).

How sure a match is: what a value is called in full is sure, unless it is a single everyday word that titles use
without having the value ("Clear", "Classic": brands of few items). Then a cue has to stand beside it.

Letters: V values, I items.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.catalogue_words import (
    Value,
    describes,
    general_nouns,
    is_everyday_word,
    title_words,
)
from service.constraints.clipped import find_clipped
from service.constraints.spelling import Spelling
from service.constraints.tokens import stem_of, stems, tokenize

EXACT, LOOSE, SIDE, INITIALS = 0.97, 0.95, 0.85, 0.8
PART, FIRST = 0.6, 0.35  # the last word of a name tells more than the ones before: "Verbinski", not "Gore"
AMBIGUOUS = 0.55  # an everyday word that is also a value
WORDLIKE = 0.6  # share of a word's letters in known words at both of its ends
MINOR = (
    0.1  # a value with so few of another's items is another way to write it: "Concealer", "Concealers & Base"
)
MOST_SHARING = 3  # values that may share a word which stands for them
SHORTEST_PART = 4  # letters
EVERYDAY = 10_000  # words by frequency


Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Match:
    """Values that words may mean, all equally well, and how sure that is before anything beside them is looked at."""

    values: tuple[Value, ...]
    confidence: float
    whole: bool = True  # its full name, not a part of it


class ValueIndex:
    """Finds values by words. Immutable once built."""

    def __init__(
        self, catalogue: Catalogue, known_words: Sequence[str] = (), skip: frozenset[str] = frozenset()
    ) -> None:
        """`known_words`, most frequent first, are never misspelt values; `skip` columns are left out."""
        self.columns = tuple(
            column.name
            for column in catalogue.columns.values()
            if column.kind in (ColumnKind.CATEGORICAL, ColumnKind.PATH, ColumnKind.LIST)
            and column.name not in skip
        )
        self.kinds: Mapping[str, ColumnKind] = {name: catalogue.columns[name].kind for name in self.columns}
        self.all: tuple[Value, ...] = tuple(
            Value(name, value, int(count))
            for name in self.columns
            for value, count in zip(
                catalogue.terms(name).values, np.diff(catalogue.terms(name).starts), strict=True
            )
        )
        self.descriptive = frozenset(name for name in self.columns if describes(catalogue, name))
        self._whole: dict[tuple[str, ...], list[Value]] = defaultdict(list)
        self._loose: dict[tuple[str, ...], list[Value]] = defaultdict(list)  # without "and"
        self._sides: dict[tuple[str, ...], list[Value]] = defaultdict(list)
        self._initials: dict[str, list[Value]] = defaultdict(list)
        self._parts: dict[str, list[Value]] = defaultdict(list)
        self._written: dict[str, list[Value]] = defaultdict(list)  # "COVERGIRL", "Cover Girl"
        self._lines: dict[tuple[str, ...], list[Value]] = {}  # "OPI": also "OPI Nail Lacquer"
        self._carriers: Counter[tuple[str, str]] = Counter()  # values that have a word, by column
        self._joined: dict[str, tuple[str, ...]] = {}
        for value in self.all:
            self._add(value)
        self.longest = max(map(len, self._whole), default=0)
        self._value_words = frozenset(stem for key in self._whole for stem in key if stem.isalpha())
        self._describing = frozenset(
            (value.column, stem)
            for value in self.all
            if value.column in self.descriptive
            for stem in stems(value.value)
        )
        self.spelling = Spelling(value.value for value in self.all)
        self.titles = titles = title_words(catalogue)  # stem -> int rows
        self._ambiguous = {
            key[0]
            for key, values in self._whole.items()
            if len(key) == 1 and is_everyday_word(catalogue, titles.get(key[0]), values, self.descriptive)
        }
        self._join_families(catalogue, titles)
        self._general = general_nouns(catalogue, titles, self.all, self.descriptive)
        self._everyday = frozenset(known_words[:EVERYDAY])
        self._english = Spelling(known_words) if known_words else None
        self._find_lines()
        self._known = (
            frozenset(known_words)
            | frozenset(word for word, rows in titles.items() if len(rows) > 1)
            | self._value_words
        )

    def with_values(self, catalogue: Catalogue, values: Sequence[Value]) -> "ValueIndex":
        """This index and values that items of `catalogue`, which grew out of its own, brought. This one stays."""
        larger = copy(self)
        larger.all = (*self.all, *values)
        larger._whole, larger._loose = _copied(self._whole), _copied(self._loose)
        larger._sides, larger._parts = _copied(self._sides), _copied(self._parts)
        larger._joined, larger._initials = dict(self._joined), _copied(self._initials)
        larger._written = _copied(self._written)
        larger._carriers, larger._ambiguous = self._carriers.copy(), set(self._ambiguous)
        words: set[str] = set()
        describing: set[tuple[str, str]] = set()
        for value in values:
            larger._add(value)
            key = stems(value.value)
            words |= {stem for stem in key if stem.isalpha()}
            describing |= {(value.column, stem) for stem in key if value.column in self.descriptive}
            if len(key) == 1 and is_everyday_word(
                catalogue, self.titles.get(key[0]), larger._whole[key], self.descriptive
            ):
                larger._ambiguous.add(key[0])
        larger._find_lines()
        larger.longest = max(map(len, larger._whole), default=0)
        larger._value_words = self._value_words | words
        larger._describing = self._describing | describing
        larger.spelling = Spelling(value.value for value in larger.all)
        larger._known = self._known | words
        return larger

    def find(self, key: tuple[str, ...]) -> Match | None:
        """The values that are called so in full, but for an "and", or on one side of an "and"."""
        if values := self._whole.get(key):
            alike = [
                *self._written.get("".join(key), ()),
                *self._lines.get(key, ()),
                *self._major(key, values),
            ]
            values = list(
                dict.fromkeys((*values, *(v for v in alike if v.column in {w.column for w in values})))
            )
            return Match(tuple(values), AMBIGUOUS if len(key) == 1 and key[0] in self._ambiguous else EXACT)
        if values := self._loose.get(key):
            return Match(tuple(values), LOOSE)
        telling = [value for value in self._sides.get(key, ()) if self._is_telling(value.column, key)]
        return Match(tuple(telling), SIDE) if telling else None

    def _major(self, key: tuple[str, ...], values: Sequence[Value]) -> list[Value]:
        """Values with one side called so and so many more items that these are hardly all that is meant."""
        sides = [
            side
            for side in self._sides.get(key, ())
            if all(value.column == side.column for value in values) and self._is_telling(side.column, key)
        ]
        total = sum(side.items for side in sides)
        return sides if all(value.items <= MINOR * total for value in values) else []

    def _is_telling(self, column: str, side: tuple[str, ...]) -> bool:
        """One side of a name stands for it if it is long, or a word that few values of a describing column have."""
        if len(side) > 1:
            return True
        return column in self.descriptive and self._carriers[column, side[0]] <= MOST_SHARING

    def find_joined(self, word: str) -> Match | None:
        """The value whose words were written as one: "burtsbees"."""
        key = self._joined.get(word)
        return None if key is None else self.find(key)

    def find_part(self, stem: str) -> Match | None:
        """The few values of which this is a telling word: not one that describes items, "Treatments" or "Cream"."""
        values = self._parts.get(stem, [])
        if len(stem) < SHORTEST_PART or not values:
            return None
        columns = {value.column for value in values}
        if any((column, stem) in self._describing for column in self.descriptive - columns):
            return None
        best = min(columns, key=lambda column: sum(value.column == column for value in values))
        of_best = tuple(value for value in values if value.column == best)
        last = any(stems(value.value)[-1] == stem for value in of_best)
        return Match(of_best, PART if last else FIRST, False) if len(of_best) <= MOST_SHARING else None

    def is_known(self, word: str, stem: str) -> bool:
        """Whether the word or its singular is spelt right: English as the encoder knows it, in values or titles."""
        return word in self._known or (stem in self._known and word[:2] == stem[:2])

    def is_gibberish(self, words: Sequence[str]) -> bool:
        """Whether no word is one, nearly one or made of some: "asdfghjkl", not "sunbathing"."""
        if self._english is None or not words:
            return False
        return not any(len(w) < SHORTEST_PART or self._is_wordlike(w) for w in words)

    def _is_wordlike(self, word: str) -> bool:
        if self.is_known(word, stem_of(word)) or (
            self._english is not None and self._english.corrections(word)
        ):
            return True
        sizes = range(3, len(word))
        first = max((n for n in sizes if word[:n] in self._known), default=0)
        last = max((n for n in sizes if word[-n:] in self._known), default=0)
        return first + last >= WORDLIKE * len(word)

    def has_word(self, stem: str) -> bool:
        """Whether a value is called so, or has the word in its name."""
        return (stem,) in self._whole or stem in self._value_words

    def is_general(self, stem: str) -> bool:
        """Whether the word is said of nearly every item: "bike" where road bikes and city bikes are all there is."""
        return stem in self._general

    def is_everyday(self, word: str) -> bool:
        """Whether the word is among the most frequent that the encoder knows; all are where it told none."""
        return not self._everyday or word in self._everyday

    def find_clipped(self, word: str, cut: int = 0) -> Match | None:
        """What the beginnings of values stand for in "scifi" and "romcom" (clipped.py)."""
        lists = frozenset(name for name in self.descriptive if self.kinds[name] is ColumnKind.LIST)
        values = find_clipped(self._whole, self.descriptive, lists, word, cut)
        return Match(values, INITIALS) if values else None

    def find_initials(self, word: str) -> Match | None:
        """The one describing value whose words begin with these letters: "SF"."""
        values = self._initials.get(word, ())
        return Match(tuple(values), INITIALS) if len(values) == 1 else None

    def _add(self, value: Value) -> None:
        key = stems(value.value)
        if not key:
            return
        self._whole[key].append(value)
        words = [token.word for token in tokenize(value.value) if token.is_word]
        bare = [word for word in words if word != "and"]
        if len(words) > 1:
            self._joined.setdefault("".join(words), key)
            self._joined.setdefault("".join(bare), key)
        self._written["".join(key)].append(value)
        if len(bare) > 1 and value.column in self.descriptive:
            self._initials["".join(word[0] for word in bare)].append(value)
        if "and" in key[1:-1]:
            self._loose[tuple(stem for stem in key if stem != "and")].append(value)
        for side in _sides(key):
            self._sides[side].append(value)
        for stem in set(key):
            self._carriers[value.column, stem] += 1
        if len(key) > 1 and self.kinds[value.column] is ColumnKind.CATEGORICAL:
            for stem in set(key):
                self._parts[stem].append(value)

    def _join_families(self, catalogue: Catalogue, titles: Mapping[str, np.ndarray]) -> None:
        """A word is not everyday where the titles that use it have a longer name: "L'Oreal", "L'Oreal Paris"."""
        families: dict[str, list[Value]] = defaultdict(list)
        for key, values in self._whole.items():
            if len(key) > 1 and key[0] in self._ambiguous:
                families[key[0]] += [value for value in values if value.column not in self.descriptive]
        for word, family in families.items():
            whole = [*self._whole[(word,)], *family]
            if not is_everyday_word(catalogue, titles.get(word), whole, self.descriptive):
                self._whole[(word,)] = whole
                self._ambiguous.discard(word)

    def _find_lines(self) -> None:
        """Names that begin with another name are lines of it, if that name is no everyday word: "OPI Nail Lacquer"."""
        self._lines = defaultdict(list)
        for key, values in self._whole.items():
            for size in range(1, len(key)):
                maker = self._whole.get(key[:size], ())
                named = {value.column for value in maker} - self.descriptive
                if named and (size > 1 or not self.is_everyday(key[0])):
                    self._lines[key[:size]] += [value for value in values if value.column in named]


def _copied(lists: Mapping[Key, list[Value]]) -> defaultdict[Key, list[Value]]:
    return defaultdict(list, {key: list(values) for key, values in lists.items()})


def _sides(key: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What stands on either side of the "and"s of a name."""
    if "and" not in key:
        return []
    sides: list[tuple[str, ...]] = []
    start = 0
    for place in [n for n, stem in enumerate(key) if stem == "and"] + [len(key)]:
        if place > start:
            sides.append(key[start:place])
        start = place + 1
    return sides
