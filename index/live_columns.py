"""The columns of items that were appended after a bundle was sealed.

Append only: whoever notes how many rows there are goes on reading those rows while one writer appends more. That is
what lets every snapshot of a catalogue share one set of columns.

Letters: m rows.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from index.columns import Column, ColumnKind, fold, is_missing, parse_number, spell

FIRST_ROOM = 64  # rows


class Growing:
    """Rows of one shape with room for more behind them. A view of the first rows stays valid while others come."""

    def __init__(self, shape: tuple[int, ...], kind: type[np.generic]) -> None:
        """`shape` is that of one row."""
        self._rows = np.empty((FIRST_ROOM, *shape), kind)
        self._count = 0

    def append(self, rows: np.ndarray) -> None:
        """Add rows [M, *shape]."""
        needed = self._count + len(rows)
        if needed > len(self._rows):
            larger = np.empty((max(needed, 2 * len(self._rows)), *self._rows.shape[1:]), self._rows.dtype)
            larger[: self._count] = self._rows[: self._count]
            self._rows = larger  # older views keep the smaller one
        self._rows[self._count : needed] = rows
        self._count = needed

    def first(self, count: int) -> np.ndarray:
        """The first rows, read-only."""
        view = self._rows[:count]
        view.flags.writeable = False
        return view


class AppendedTerms:
    """Who carries which value of a CATEGORICAL, PATH or LIST column."""

    def __init__(self) -> None:
        self.values: list[str] = []  # as first spelled, by code
        self.codes: dict[str, int] = {}  # by folded spelling
        self._carriers: list[list[int]] = []  # rows by code, ascending
        self._pairs: list[tuple[int, int]] = []  # code and row, in the order of rows

    def append(self, row: int, value: object) -> None:
        """Take what an item has in the column."""
        found: dict[str, str] = {}
        for part in value if isinstance(value, list) else [value]:
            spelled = "" if is_missing(part) else spell(part)
            if folded := fold(spelled):
                found.setdefault(folded, spelled.strip())
        for folded, spelled in found.items():
            if folded not in self.codes:
                self.values.append(spelled)
                self._carriers.append([])
                self.codes[folded] = len(self.values) - 1
            code = self.codes[folded]
            self._carriers[code].append(row)
            self._pairs.append((code, row))

    def rows_of(self, value: str, count: int) -> np.ndarray:
        """int32, ascending: those of the first `count` rows that carry the value."""
        code = self.codes.get(fold(value))
        rows = np.array([] if code is None else self._carriers[code], np.int32)
        return rows[: np.searchsorted(rows, count)]

    def pairs(self, count: int) -> np.ndarray:
        """int64 [E, 2]: code and row of every value of the first `count` rows, by row."""
        pairs = np.array(self._pairs, np.int64).reshape(-1, 2)
        return pairs[: np.searchsorted(pairs[:, 1], count)]


class AppendedColumns:
    """What filters and sentences read of the appended items, by column."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = dict(columns)
        self._count = 0
        self._terms: dict[str, AppendedTerms] = {}
        self._numbers: dict[str, Growing] = {}
        self._present = {name: Growing((), np.bool_) for name in columns}
        for name, column in columns.items():
            if column.kind is ColumnKind.NUMERIC:
                self._numbers[name] = Growing((), np.float64)
            elif column.kind is not ColumnKind.TEXT:
                self._terms[name] = AppendedTerms()

    def append(self, records: Sequence[Mapping[str, object]]) -> None:
        """Take the records of items, in the order of their rows."""
        for name, column in self._columns.items():
            values = [record.get(name) for record in records]
            present = np.array([not is_missing(value) for value in values], bool)
            if column.kind is ColumnKind.NUMERIC:
                parsed = [parse_number(value) for value in values]
                numbers = np.array([np.nan if number is None else number for number in parsed], np.float64)
                self._numbers[name].append(numbers)
                present = np.isfinite(numbers)
            elif column.kind is not ColumnKind.TEXT:
                for row, value in enumerate(values, self._count):
                    self._terms[name].append(row, value)
            self._present[name].append(present)
        self._count += len(records)

    def numbers(self, name: str, count: int) -> np.ndarray:
        """float64 [count] of a NUMERIC column, NaN where missing."""
        return self._numbers[name].first(count)

    def terms(self, name: str) -> AppendedTerms:
        """Of a CATEGORICAL, PATH or LIST column."""
        return self._terms[name]

    def present(self, name: str, count: int) -> np.ndarray:
        """bool [count]: the item has a value in the column that counts for its kind."""
        return self._present[name].first(count)
