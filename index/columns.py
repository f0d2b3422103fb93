"""What kind of attribute each column of a catalogue is: inferred from the items, overridable by name.

    CATEGORICAL  one value an item: brand, director, yes/no
    PATH         a list from root to leaf: ["Beauty", "Makeup", "Face"]
    LIST         a list in which no order is meant: genres
    NUMERIC      a number, or text that is one: 5.04, "5.04", "10486.0"
    TEXT         long text that hardly repeats: stored and shown, not filterable

A value is missing when it is absent, null, blank text or an empty list. `item_id` and `title` are no
attributes.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

RESERVED = ("item_id", "title")
NUMERIC_SHARE = 0.95  # of the present values must be numbers
TEXT_LENGTH = 60  # mean characters from which a column that hardly repeats is text
TEXT_DISTINCT = 0.5  # share of distinct values that counts as "hardly repeats"
PATH_STABLE = 0.9  # share of list elements that stand at their usual depth under their usual parent

# No leading zeros ("02134" is a postcode), no digit grouping, no "nan" and "inf".
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class CatalogueError(ValueError):
    """Items that cannot form a catalogue, or a stored catalogue that cannot be read. The message says which
    and why."""


class ColumnKind(StrEnum):
    """What a filter may ask of a column; the table above."""

    CATEGORICAL = "categorical"
    PATH = "path"
    LIST = "list"
    NUMERIC = "numeric"
    TEXT = "text"


@dataclass(frozen=True)
class Column:
    """One attribute of a catalogue's items."""

    name: str
    kind: ColumnKind


def is_missing(value: object) -> bool:
    """True for null, blank text and a list without a single element that is not blank."""
    if isinstance(value, list):
        return all(is_missing(element) for element in value)
    return value is None or (isinstance(value, str) and not value.strip())


def parse_number(value: object) -> float | None:
    """The finite number a value is or spells; None for everything else, booleans included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if NUMBER.fullmatch(text) else None
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:  # an integer beyond the range of a double
            return None
        return number if math.isfinite(number) else None
    return None


def fold(text: str) -> str:
    """The form in which values are compared: Unicode NFKC, case folded, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def spell(value: object) -> str:
    """A value of a categorical or list column as text: true, 7 (also for 7.0), or the text itself."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def infer_columns(records: Iterable[Mapping[str, object]]) -> dict[str, Column]:
    """Columns of the records in order of first appearance. A key that is missing everywhere is
    CATEGORICAL."""
    values: dict[str, list[object]] = {}
    for record in records:
        for key, value in record.items():
            if key in RESERVED:
                continue
            present = values.setdefault(key, [])
            if not is_missing(value):
                present.append(value)
    return {name: Column(name, _infer(present)) for name, present in values.items()}


def check_kind(column: Column, values: Iterable[object]) -> None:
    """Raises CatalogueError where values cannot be of the column's kind at all (lists in a NUMERIC
    column)."""
    if column.kind in (ColumnKind.PATH, ColumnKind.LIST, ColumnKind.TEXT):
        return
    if any(isinstance(value, list) for value in values):
        raise CatalogueError(
            f"column {column.name!r} holds lists and cannot be {column.kind}: choose path, list or text"
        )


def _infer(present: Sequence[object]) -> ColumnKind:
    if not present:
        return ColumnKind.CATEGORICAL
    lists = [value for value in present if isinstance(value, list)]
    if lists:
        return ColumnKind.PATH if _are_paths(lists) else ColumnKind.LIST
    numbers = sum(parse_number(value) is not None for value in present)
    if numbers >= NUMERIC_SHARE * len(present):
        return ColumnKind.NUMERIC
    texts = [spell(value) for value in present]
    mean_length = sum(map(len, texts)) / len(texts)
    if mean_length >= TEXT_LENGTH and len(set(texts)) >= TEXT_DISTINCT * len(texts):
        return ColumnKind.TEXT
    return ColumnKind.CATEGORICAL


def _are_paths(lists: Sequence[list[object]]) -> bool:
    """First elements repeat, and an element that repeats keeps its depth and parent: Makeup is always under
    Beauty.

    Genres fail it: "Drama" stands now first, now third, after "Crime" or after "War".
    """
    roots = {spell(path[0]) for path in lists}
    if len(lists) < 2 or len(roots) > len(lists) / 2:
        return False
    places: dict[str, Counter[tuple[int, str]]] = {}
    for path in lists:
        parent = ""
        for depth, element in enumerate(map(spell, path)):
            places.setdefault(element, Counter())[(depth, parent)] += 1
            parent = element
    repeated = [counts for counts in places.values() if counts.total() > 1]
    usual = sum(max(counts.values()) for counts in repeated)
    deep = any(depth > 0 for counts in repeated for depth, _ in counts)
    return deep and usual >= PATH_STABLE * sum(counts.total() for counts in repeated)
