"""A catalogue and the test split of its users, as the cases need them. Any catalogue will do.

Inside, an item is its row in the bundle's catalogue and a user its position in the test split.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.control_bench.cases import Condition
from index.catalog import Catalogue
from index.columns import ColumnKind, fold
from index.filters import compile_mask, parse_filter
from training.data import Dataset, leave_one_out

LEAST_FEASIBLE = 20  # items that a condition leaves to choose from, those of the history not counted
MOST_COMMON = 0.5  # a value that more of the catalogue carries hardly asks for anything
SHORTEST = 3  # letters of a value that a person would name

WORDS = (ColumnKind.CATEGORICAL, ColumnKind.PATH, ColumnKind.LIST)

Mask = NDArray[np.bool_]


class Value(NamedTuple):
    """One value of a column that is not a number."""

    column: str
    text: str

    @property
    def condition(self) -> Condition:
        return {"key": self.column, "eq": self.text}


@dataclass(frozen=True, eq=False)
class World:
    """`histories[u]` are the rows of test user u, oldest first; `targets[u]` is what comes next.

    `asked` names the columns that cases are about; () for all of them.
    """

    name: str
    catalogue: Catalogue
    histories: tuple[tuple[int, ...], ...]
    targets: tuple[int, ...]
    asked: tuple[str, ...] = ()
    _masks: dict[str, Mask] = field(default_factory=dict)

    def mask(self, condition: Condition) -> Mask:
        """bool [n]: the items that satisfy a filter. Kept; do not write to it."""
        key = json.dumps(condition, sort_keys=True)
        if key not in self._masks:
            parsed = parse_filter(condition, self.catalogue.columns)
            self._masks[key] = compile_mask(parsed, self.catalogue)
        return self._masks[key]

    def unseen(self, mask: Mask, user: int) -> Mask:
        """The mask without what the user has seen."""
        left = mask.copy()
        left[list(self.histories[user])] = False
        return left

    def satisfied(self, condition: Condition, user: int) -> bool:
        """Whether the condition is true of the user's target."""
        return bool(self.mask(condition)[self.targets[user]])

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Values worth asking for: enough items carry them, not most, and only one column knows the word."""
        counts: dict[Value, int] = {}
        for column in self._columns(*WORDS):
            terms = self.catalogue.terms(column)
            sizes = np.diff(terms.starts)
            counts |= {Value(column, text): int(size) for text, size in zip(terms.values, sizes, strict=True)}
        known = Counter(fold(value.text) for value in counts)
        most = MOST_COMMON * len(self.catalogue)
        return tuple(
            value
            for value, count in counts.items()
            if LEAST_FEASIBLE <= count <= most and known[fold(value.text)] == 1 and _is_a_word(value.text)
        )

    @cached_property
    def words(self) -> frozenset[str]:
        """Every value of every column that is not a number, folded: what a misspelling must not turn into."""
        columns = [name for name, column in self.catalogue.columns.items() if column.kind in WORDS]
        return frozenset(fold(text) for column in columns for text in self.catalogue.terms(column).values)

    def values_of(self, row: int) -> tuple[Value, ...]:
        """Those of `values` that an item carries."""
        return self._values_by_row.get(row, ())

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Names of the columns that hold numbers."""
        return tuple(self._columns(ColumnKind.NUMERIC))

    @cached_property
    def categorical(self) -> tuple[str, ...]:
        """Names of the columns with one value an item; where there is none, of all that are not numbers."""
        others = self._columns(ColumnKind.PATH, ColumnKind.LIST)
        return tuple(self._columns(ColumnKind.CATEGORICAL) or others)

    @cached_property
    def _values_by_row(self) -> dict[int, tuple[Value, ...]]:
        found: dict[int, list[Value]] = {}
        for value in self.values:
            for row in self.catalogue.terms(value.column).rows_of(value.text).tolist():
                found.setdefault(row, []).append(value)
        return {row: tuple(values) for row, values in found.items()}

    def _columns(self, *kinds: ColumnKind) -> list[str]:
        return [
            name
            for name, column in self.catalogue.columns.items()
            if column.kind in kinds and (not self.asked or name in self.asked)
        ]


def world_of(name: str, catalogue: Catalogue, dataset: Dataset, asked: tuple[str, ...] = ()) -> World:
    """The world of a data folder's test split, in the rows of a bundle's catalogue.

    Users of whom the catalogue lacks an item are left out. Raises ValueError for an asked column that is none.
    """
    if unknown := [name for name in asked if name not in catalogue.columns]:
        raise ValueError(f"{unknown[0]!r} is no column; columns are: {', '.join(catalogue.columns)}")
    row_of = [catalogue.row(item_id) for item_id in dataset.item_ids]
    test = leave_one_out(dataset.histories).test
    histories, targets = [], []
    for history, target in zip(test.histories, test.targets, strict=True):
        rows = [row_of[item] for item in (*history, target)]
        known = [row for row in rows if row is not None]
        if len(known) == len(rows):
            histories.append(tuple(known[:-1]))
            targets.append(known[-1])
    return World(name, catalogue, tuple(histories), tuple(targets), asked)


def _is_a_word(text: str) -> bool:
    return sum(letter.isalpha() for letter in text) >= SHORTEST
