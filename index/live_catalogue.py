"""A catalogue that has changed since its bundle was sealed: rows were appended, and some are hidden.

An item that is put again gets a new row and its old one is hidden; one that is deleted has its row hidden. So a row
never means another item, and what a request in flight holds stays true. To lookups, filters and sentences a hidden row
has no id, no values and no numbers. It can still be read by its row, and it still satisfies "has no value": whoever
searches masks hidden rows besides.

Letters: n rows of the bundle, m appended.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from index.catalog import Catalogue
from index.cells import ABSENT
from index.delta import Delta
from index.live_terms import LiveTerms
from index.terms import Terms


class LiveCatalogue(Catalogue):
    """A Catalogue to whoever reads it. Immutable, though the delta behind it grows on."""

    def __init__(self, base: Catalogue, delta: Delta, count: int, alive: np.ndarray) -> None:
        """The bundle's catalogue, the first `count` rows of a delta, and bool [n + m]: the row is not hidden."""
        self.base = base
        self.columns = base.columns
        self.item_ids: Sequence[str] = _Ids(base.item_ids, delta.records, count)
        self._delta = delta
        self._count = count
        self._alive = alive
        self._names = tuple(dict.fromkeys(("title", *base.columns)))
        self._remember_nothing()

    def row(self, item_id: str) -> int | None:
        """Row of an item, or None for an id the catalogue does not have, or has no longer."""
        appended = self._delta.newest(item_id, self._count)
        row = self.base.row(item_id) if appended is None else len(self.base) + appended
        return row if row is not None and self._alive[row] else None

    def rows(self, item_ids: Iterable[str]) -> np.ndarray:
        """int64 rows, in the order given; -1 for ids the catalogue does not have."""
        found = (self.row(item_id) for item_id in item_ids)
        return np.fromiter((-1 if row is None else row for row in found), dtype=np.int64)

    def terms(self, name: str) -> Terms:
        """See Catalogue. Values that only hidden rows have carry no rows."""
        if name not in self._terms:
            appended = self._delta.columns.terms(name)
            self._terms[name] = LiveTerms(self.base.terms(name), appended, self._count, self._alive)
        return self._terms[name]

    def numbers(self, name: str) -> np.ndarray:
        """See Catalogue. NaN in hidden rows."""
        if name not in self._numbers:
            appended = self._delta.columns.numbers(name, self._count)
            numbers = np.concatenate([self.base.numbers(name), appended])  # [n + m]
            numbers[~self._alive] = np.nan
            self._numbers[name] = numbers
        return self._numbers[name]

    def present(self, name: str) -> np.ndarray:
        """See Catalogue. False in hidden rows."""
        if name not in self._present:
            appended = self._delta.columns.present(name, self._count)
            self._present[name] = np.concatenate([self.base.present(name), appended]) & self._alive
        return self._present[name]

    @cached_property
    def appended(self) -> "LiveCatalogue":
        """The m appended rows alone, as a catalogue: its row 0 is row n here."""
        return LiveCatalogue(self.base.empty(), self._delta, self._count, self._alive[len(self.base) :])

    def settled(self) -> Catalogue:
        """The living items alone, in the order of their rows, as a catalogue of its own."""
        records = [self.record(int(row)) for row in np.flatnonzero(self._alive)]
        return Catalogue.from_records(records, {name: column.kind for name, column in self.columns.items()})

    def save(self, folder: Path) -> None:
        """Write the living items, as Catalogue.save does."""
        self.settled().save(folder)

    def _value(self, name: str, row: int) -> object:
        if row < len(self.base):
            return self.base._value(name, row)
        return self._delta.records[row - len(self.base)].get(name, ABSENT)

    def _column(self, name: str) -> list[object]:
        return [self._value(name, row) for row in range(len(self))]


class _Ids(Sequence[str]):
    """Item ids by row: the bundle's, then those of the first `count` records."""

    def __init__(self, first: Sequence[str], records: Sequence[Mapping[str, object]], count: int) -> None:
        self._first = first
        self._records = records
        self._count = count

    def __len__(self) -> int:
        return len(self._first) + self._count

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return tuple(self[place] for place in range(*row.indices(len(self))))
        if row < len(self._first):
            return self._first[row]
        if row >= len(self):
            raise IndexError(f"row {row} is not in 0..{len(self) - 1}")
        return str(self._records[row - len(self._first)]["item_id"])
