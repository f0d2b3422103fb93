"""Columns as filters read them: numbers as one float64 array, values as lists of the rows that carry them.

A term column is an inverted file: the rows of value c are `rows[starts[c] : starts[c + 1]]`. A condition on
one value therefore costs as much as there are items with it, whatever the size of the catalogue.

Letters: I items, V distinct values, E (row, value) pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from index.cells import ABSENT, Encoding, decode_all
from index.columns import fold, is_missing, parse_number, spell


class Terms(Protocol):
    """Who carries which value. `values` are spelled as first met; `codes` maps the folded spelling to the
    position in it."""

    @property
    def values(self) -> tuple[str, ...]: ...
    @property
    def codes(self) -> Mapping[str, int]: ...
    @property
    def starts(self) -> np.ndarray:
        """int64 [V + 1]"""
        ...

    @property
    def rows(self) -> np.ndarray:
        """int32 [E], ascending within a value"""
        ...

    @property
    def present(self) -> np.ndarray:
        """bool [I]: the row has at least one value"""
        ...

    def rows_of(self, value: str) -> np.ndarray:
        """int32 rows that carry the value, ascending; none for a value that the catalogue does not have."""
        ...


@dataclass(frozen=True, eq=False)
class TermColumn:
    """Terms as arrays."""

    values: tuple[str, ...]
    codes: Mapping[str, int]
    starts: np.ndarray  # int64 [V + 1]
    rows: np.ndarray  # int32 [E], ascending within a value
    present: np.ndarray  # bool [I]: the row has at least one value

    def rows_of(self, value: str) -> np.ndarray:
        """See Terms."""
        code = self.codes.get(fold(value))
        return self.rows[:0] if code is None else self.rows[self.starts[code] : self.starts[code + 1]]


def numbers(cells: pa.Array, encoding: Encoding) -> np.ndarray:
    """float64 [I]; NaN where the value is missing or spells no number."""
    if encoding is not Encoding.JSON and (
        pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)
    ):
        return np.asarray(cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    if encoding is not Encoding.JSON and pa.types.is_large_string(cells.type):
        coded = cells.dictionary_encode()
        parsed = np.array([_number(text) for text in coded.dictionary.to_pylist()] + [np.nan])
        found: np.ndarray = parsed[coded.indices.fill_null(len(parsed) - 1).to_numpy()]  # [I]
        return found
    return np.array([_number(value) for value in _values(cells, encoding)], dtype=np.float64)


def terms(cells: pa.Array, encoding: Encoding) -> TermColumn:
    """The inverted file of a CATEGORICAL, PATH or LIST column; spellings that differ in case or white space
    are one value."""
    texts, row_of = _flatten(cells, encoding)
    coded = texts.dictionary_encode()
    spellings: Sequence[str] = coded.dictionary.to_pylist()
    codes: dict[str, int] = {}
    values: list[str] = []
    for spelling in spellings:
        folded = fold(spelling)
        if folded and folded not in codes:
            codes[folded] = len(values)
            values.append(spelling.strip())
    renumber = np.array([codes.get(fold(spelling), -1) for spelling in spellings], dtype=np.int64)
    code_of = renumber[coded.indices.to_numpy()]  # [E], -1 for blank text
    keep = code_of >= 0
    items = len(cells)
    pairs = np.unique(
        code_of[keep] * items + row_of[keep]
    )  # by value, then by row; a value named twice counts once
    pair_codes, rows = np.divmod(pairs, max(items, 1))
    starts = np.concatenate([[0], np.cumsum(np.bincount(pair_codes, minlength=len(values)))]).astype(np.int64)
    present = np.zeros(items, dtype=bool)
    present[rows] = True
    return TermColumn(tuple(values), codes, starts, rows.astype(np.int32), present)


def present(cells: pa.Array, encoding: Encoding) -> np.ndarray:
    """bool [I]: the value is not missing, whatever it is."""
    return np.array([not is_missing(value) for value in _values(cells, encoding)], dtype=bool)


def _values(cells: pa.Array, encoding: Encoding) -> list[object]:
    """The original values, None where the record does not have the key."""
    return [None if value is ABSENT else value for value in decode_all(cells, encoding)]


def _number(value: object) -> float:
    number = parse_number(value)
    return np.nan if number is None else number


def _flatten(cells: pa.Array, encoding: Encoding) -> tuple[pa.Array, np.ndarray]:
    """All values as one array of text [E], and the int64 row of each [E]."""
    if encoding is Encoding.JSON or not _is_text(cells.type):
        lists = [v if isinstance(v, list) else [v] for v in _values(cells, encoding)]
        cells = pa.array(
            [[spell(v) for v in values if not is_missing(v)] for values in lists],
            pa.large_list(pa.large_string()),
        )
    if pa.types.is_large_string(cells.type):
        return cells.drop_null(), np.flatnonzero(cells.is_valid().to_numpy(zero_copy_only=False))
    lengths = pc.fill_null(pc.list_value_length(cells), 0).to_numpy(zero_copy_only=False)
    return cells.flatten(), np.repeat(np.arange(len(cells)), lengths)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_large_list(kind))
