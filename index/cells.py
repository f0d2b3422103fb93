"""One key of all records as one Arrow array that gives back the exact original values.

Arrow's own types are used where every present value has one type (text, integer, float, boolean, list of
text); a column that mixes types (7 and "seven", 5 and 5.0) is kept as JSON text. `Encoding` also says what
an Arrow null stands for, because `{"brand": null}` and `{}` are two records: both are missing to a filter,
and each is returned as it came.
"""

import json
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import pyarrow as pa

from index.columns import CatalogueError

INT64 = range(-(2**63), 2**63)


class Absent:
    """Type of ABSENT: the record does not have the key."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


class Encoding(StrEnum):
    """How a column's values became Arrow values."""

    PLAIN = "plain"  # Arrow null: the record does not have the key
    NULLABLE = "nullable"  # Arrow null: the record says null
    JSON = "json"  # JSON text; Arrow null: the record does not have the key


def is_unicode(text: str) -> bool:
    """False for text with a lone surrogate: it is no character and can be neither stored nor sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_value(value: object) -> None:
    """Raises CatalogueError for anything but null, text, boolean, finite number, and lists of these that
    hold no null or list."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, float) and not math.isfinite(part):
            raise CatalogueError(
                "NaN and Infinity are no attribute values: leave the key out where a number is unknown"
            )
        if isinstance(part, str) and not is_unicode(part):
            raise CatalogueError("the text holds a lone surrogate, which is no character")
        if not isinstance(part, str | bool | int | float) and not (part is None and part is value):
            found = f"{type(part).__name__} in a list" if part is not value else type(part).__name__
            raise CatalogueError(f"use text, a number or a list of text as an attribute value, not {found}")


def encode(values: Sequence[object]) -> tuple[pa.Array, Encoding]:
    """Checked values, ABSENT among them, as an Arrow array of the same length."""
    absent = any(value is ABSENT for value in values)
    null = any(value is None for value in values)
    present = [value for value in values if value is not ABSENT and value is not None]
    natural = _natural_type(present)
    if natural is None or (absent and null):
        texts = [None if value is ABSENT else json.dumps(value, ensure_ascii=False) for value in values]
        return pa.array(texts, pa.large_string()), Encoding.JSON
    cells = [None if value is ABSENT else value for value in values]
    return pa.array(cells, natural), Encoding.NULLABLE if null else Encoding.PLAIN


def decode(cell: pa.Scalar, encoding: Encoding) -> object:
    """The original value of one cell, or ABSENT."""
    return _restore(cell.as_py(), encoding)


def decode_all(cells: pa.Array, encoding: Encoding) -> list[object]:
    """The original values of a whole column, ABSENT among them."""
    return [_restore(value, encoding) for value in cells.to_pylist()]


def _restore(value: object, encoding: Encoding) -> object:
    if value is None:
        return None if encoding is Encoding.NULLABLE else ABSENT
    if encoding is Encoding.JSON:
        return json.loads(str(value))
    return value


def _natural_type(present: Sequence[object]) -> pa.DataType | None:
    """The Arrow type that holds all of these values exactly, or None."""
    types = {type(value) for value in present}
    if types <= {str}:
        return pa.large_string()
    if types == {bool}:
        return pa.bool_()
    if types == {float}:
        return pa.float64()
    if types == {int} and all(value in INT64 for value in present):
        return pa.int64()
    if types == {list}:
        elements = [element for value in present if isinstance(value, list) for element in value]
        if all(type(element) is str for element in elements):
            return pa.large_list(pa.large_string())
    return None
