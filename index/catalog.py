"""The catalogue: what is known about each item, by row. The only place that converts between `item_id` and
row.

A catalogue is immutable and reproduces every record exactly as it came. It is kept as Arrow columns, which
is also how it is stored (`catalogue.parquet`, with the kinds in `columns.json`), so a million items cost
their text and not a million dicts.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from index import terms as term_columns
from index.cells import ABSENT, Encoding, check_value, decode, decode_all, encode, is_unicode
from index.columns import (
    RESERVED,
    CatalogueError,
    Column,
    ColumnKind,
    check_kind,
    infer_columns,
    is_missing,
    parse_number,
)
from index.terms import Terms

PARQUET = "catalogue.parquet"
COLUMNS = "columns.json"
FORMAT = 1
KEPT = 4096  # rows whose titles and attributes are remembered

Value = TypeVar("Value")


class Catalogue:
    """Items 0..n-1 with typed columns. Build it with `from_records` or `load`.

    `columns` holds the attributes in order of first appearance; `item_id` and `title` are not among them.
    """

    def __init__(
        self,
        item_ids: Sequence[str],
        cells: Mapping[str, pa.Array],
        encodings: Mapping[str, Encoding],
        kinds: Mapping[str, Column],
    ) -> None:
        self.item_ids: Sequence[str] = tuple(item_ids)
        self.columns: Mapping[str, Column] = MappingProxyType(dict(kinds))
        self._names = tuple(cells)  # title and columns
        self._cells = dict(cells)
        self._encodings = dict(encodings)
        self._row_of = {item_id: row for row, item_id in enumerate(self.item_ids)}
        self._remember_nothing()
        if len(self._row_of) != len(self.item_ids):
            raise CatalogueError("an item_id appears twice")

    def _remember_nothing(self) -> None:
        """Make room for what is kept once somebody has asked for it."""
        self._terms: dict[str, Terms] = {}
        self._numbers: dict[str, np.ndarray] = {}
        self._present: dict[str, np.ndarray] = {}
        self._titles: dict[int, str] = {}  # Arrow takes long for one row
        self._attributes: dict[int, Mapping[str, object]] = {}

    @classmethod
    def from_records(
        cls, records: Iterable[Mapping[str, object]], kinds: Mapping[str, ColumnKind] | None = None
    ) -> "Catalogue":
        """Build from item records: `item_id` (required), `title`, attributes. `kinds` overrides what would
        be inferred.

        Raises CatalogueError naming the item (or the column) for a missing, duplicate or malformed value.
        """
        records = list(records)
        _check(records)
        columns = infer_columns(records)
        for name, kind in (kinds or {}).items():
            if name not in columns:
                raise CatalogueError(
                    f"there is no column {name!r} to override; columns are: {', '.join(columns) or 'none'}"
                )
            columns[name] = Column(name, ColumnKind(kind))
            check_kind(columns[name], (record.get(name) for record in records))
        cells, encodings = {}, {}
        for name in dict.fromkeys(key for record in records for key in record if key != "item_id"):
            cells[name], encodings[name] = encode([record.get(name, ABSENT) for record in records])
        return cls([str(record["item_id"]) for record in records], cells, encodings, columns)

    def __len__(self) -> int:
        return len(self.item_ids)

    def row(self, item_id: str) -> int | None:
        """Row of an item, or None for an id the catalogue does not have."""
        return self._row_of.get(item_id)

    def rows(self, item_ids: Iterable[str]) -> np.ndarray:
        """int64 rows, in the order given; -1 for ids the catalogue does not have."""
        return np.fromiter((self._row_of.get(item_id, -1) for item_id in item_ids), dtype=np.int64)

    def title(self, row: int) -> str:
        """Title of the item; empty where it has none."""
        found = self._titles.get(row)
        if found is None:
            value = self._value("title", row)
            found = _kept(self._titles, row, value if isinstance(value, str) else "")
        return found

    def attributes(self, row: int) -> Mapping[str, object]:
        """Every column of the item: a NUMERIC one as a number although it may be stored as text, None where
        missing."""
        found = self._attributes.get(row)
        if found is None:
            values = {name: self._value(name, row) for name in self.columns}
            typed = {name: _typed(value, self.columns[name].kind) for name, value in values.items()}
            found = _kept(self._attributes, row, typed)
        return found

    def record(self, row: int) -> dict[str, object]:
        """The item's record, equal to the one the catalogue was built from."""
        values = {name: self._value(name, row) for name in self._names}
        return {"item_id": self.item_ids[row]} | {
            name: value for name, value in values.items() if value is not ABSENT
        }

    def records(self) -> list[dict[str, object]]:
        """All records in row order; much faster than `record` for each row."""
        found: list[dict[str, object]] = [{"item_id": item_id} for item_id in self.item_ids]
        for name in self._names:
            for record, value in zip(found, self._column(name), strict=True):
                if value is not ABSENT:
                    record[name] = value
        return found

    def terms(self, name: str) -> Terms:
        """Who carries which value, of a CATEGORICAL, PATH or LIST column. Built on first use, then kept."""
        if name not in self._terms:
            self._terms[name] = term_columns.terms(self._cells[name], self._encodings[name])
        return self._terms[name]

    def numbers(self, name: str) -> np.ndarray:
        """float64 [n] of a NUMERIC column, NaN where missing. Built on first use, then kept."""
        if name not in self._numbers:
            self._numbers[name] = term_columns.numbers(self._cells[name], self._encodings[name])
        return self._numbers[name]

    def present(self, name: str) -> np.ndarray:
        """bool [n]: the item has a value in the column that counts for its kind (a number where it is
        NUMERIC)."""
        kind = self.columns[name].kind
        if kind is ColumnKind.NUMERIC:
            finite: np.ndarray = np.isfinite(self.numbers(name))
            return finite
        if kind is not ColumnKind.TEXT:
            return self.terms(name).present
        if name not in self._present:
            self._present[name] = term_columns.present(self._cells[name], self._encodings[name])
        return self._present[name]

    def content_hashes(self, fields: Sequence[str]) -> list[str]:
        """sha256 (hex) of each item's `fields`, in row order. Equal hashes mean that an item need not be
        encoded again.

        A field that is missing counts as null, however it is missing; fields beyond those named change
        nothing.
        """
        columns = [self._column(name) if name in self._names else [None] * len(self) for name in fields]
        contents = zip(*columns, strict=True) if columns else [()] * len(self)
        return [_content_hash(fields, values) for values in contents]

    def empty(self) -> "Catalogue":
        """The same columns without an item."""
        return Catalogue(
            (), {name: cells[:0] for name, cells in self._cells.items()}, self._encodings, self.columns
        )

    def save(self, folder: Path) -> None:
        """Write catalogue.parquet and columns.json into an existing folder."""
        table = pa.table({"item_id": pa.array(self.item_ids, pa.large_string())} | self._cells)
        pq.write_table(table, folder / PARQUET, compression="zstd")
        described = {
            "format": FORMAT,
            "columns": {name: column.kind.value for name, column in self.columns.items()},
            "encodings": {name: encoding.value for name, encoding in self._encodings.items()},
        }
        (folder / COLUMNS).write_text(
            json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> "Catalogue":
        """Read what `save` wrote. Raises CatalogueError naming the file that is damaged or does not fit the
        other."""
        kinds, encodings = _read_columns(folder / COLUMNS)
        try:
            with pq.ParquetFile(folder / PARQUET) as file:
                table = file.read()
        except (OSError, pa.ArrowException) as error:
            raise CatalogueError(f"{folder / PARQUET} cannot be read: {error}") from error
        cells = {name: table.column(name).combine_chunks() for name in table.column_names}
        ids = cells.pop("item_id", None)
        if ids is None or set(cells) != set(encodings) or set(kinds) != set(cells) - set(RESERVED):
            raise CatalogueError(
                f"{folder / PARQUET} and {COLUMNS} name different columns: they are not of one catalogue"
            )
        return cls(ids.to_pylist(), cells, encodings, kinds)

    def _value(self, name: str, row: int) -> object:
        return decode(self._cells[name][row], self._encodings[name]) if name in self._cells else ABSENT

    def _column(self, name: str) -> list[object]:
        return decode_all(self._cells[name], self._encodings[name])


def _kept(kept: dict[int, Value], row: int, value: Value) -> Value:
    """The value, which is remembered; where too many are, they are forgotten first."""
    if len(kept) >= KEPT:
        kept.clear()
    kept[row] = value
    return value


def _check(records: Sequence[Mapping[str, object]]) -> None:
    """Raises CatalogueError for the first item that has no usable id, an id taken before, or a malformed
    value."""
    rows: dict[str, int] = {}
    for row, record in enumerate(records):
        item_id = record.get("item_id")
        if not isinstance(item_id, str) or not item_id.strip() or not is_unicode(item_id):
            raise CatalogueError(
                f"record {row} has no item_id: it must be text that is not blank, not {item_id!r}"
            )
        if rows.setdefault(item_id, row) != row:
            raise CatalogueError(f"item_id {item_id!r} appears twice, in records {rows[item_id]} and {row}")
        if not isinstance(record.get("title"), str | None):
            raise CatalogueError(f"item {item_id!r}: title must be text or null, not {record['title']!r}")
        for key, value in record.items():
            if not is_unicode(key):
                raise CatalogueError(f"item {item_id!r}: {key!r} cannot name a column")
            try:
                check_value(value)
            except CatalogueError as error:
                raise CatalogueError(f"item {item_id!r}, {key!r}: {error}") from error


def _typed(value: object, kind: ColumnKind) -> object:
    if value is ABSENT or is_missing(value):
        return None
    if kind is ColumnKind.NUMERIC and isinstance(value, str):
        return parse_number(value)
    return value


def _content_hash(fields: Sequence[str], values: Iterable[object]) -> str:
    named = [[name, None if value is ABSENT else value] for name, value in zip(fields, values, strict=True)]
    return hashlib.sha256(json.dumps(named, separators=(",", ":")).encode()).hexdigest()


def _read_columns(path: Path) -> tuple[dict[str, Column], dict[str, Encoding]]:
    try:
        described: Any = json.loads(path.read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise CatalogueError(
                f"{path} has format {described['format']!r}, this version reads {FORMAT}: index again"
            )
        kinds = {name: Column(name, ColumnKind(kind)) for name, kind in described["columns"].items()}
        return kinds, {name: Encoding(encoding) for name, encoding in described["encodings"].items()}
    except CatalogueError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CatalogueError(f"{path} cannot be read: {error}") from error
