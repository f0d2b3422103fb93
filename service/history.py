"""From what the client calls a history to rows of the catalogue and texts to encode.

Unknown item ids are normal (a catalogue loses items) and are reported, never an error. A thing given by its
title is encoded from its text; its attributes must be columns of this catalogue, so that a slip of the pen is
not silently dropped.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from index.catalog import Catalogue
from index.columns import Column, ColumnKind
from service.errors import ApiError, Code, FieldError
from service.schemas import HistoryItem
from service.settings import Settings

Record = Mapping[str, object]


class StoredHistory(NamedTuple):
    """What the store has of the user that a request names."""

    item_ids: tuple[str, ...] = ()  # oldest first
    away: bool = False  # the store could not be asked


NOTHING_STORED = StoredHistory()


class Entry(NamedTuple):
    """One thing in the history that can be encoded: a row of the catalogue, or a record without an id."""

    position: int | None  # in the request; None for what was stored
    row: int | None
    record: Record | None


class ResolvedHistory(NamedTuple):
    """A history in the catalogue's terms."""

    entries: tuple[Entry, ...]  # oldest first, unknown ids left out
    unknown: tuple[str, ...]  # item ids of the request that the catalogue does not have, each once, in order

    @property
    def rows(self) -> list[int]:
        """Rows of the items the catalogue has: what the user has seen."""
        return [entry.row for entry in self.entries if entry.row is not None]

    @property
    def stored(self) -> int:
        """How many entries were stored."""
        return sum(entry.position is None for entry in self.entries)


def resolve(
    history: Sequence[HistoryItem], catalogue: Catalogue, settings: Settings, stored: Sequence[str] = ()
) -> ResolvedHistory:
    """Look up every id; what is stored comes first.

    Whoever sends events and repeats them in the request means one interaction: a stored item that the request names too
    counts where the request has it. Repeats within either are kept, as in training.

    Raises ApiError (422) that names the attribute which is no column or has the wrong type.
    """
    named = {item.item_id for item in history}
    rows = [catalogue.row(item_id) for item_id in stored if item_id not in named]
    entries = [Entry(None, row, None) for row in rows if row is not None]
    unknown: dict[str, None] = {}
    errors: list[FieldError] = []
    for position, item in enumerate(history):
        if item.item_id is None:
            attributes = item.attributes or {}
            errors += check_attributes(
                f"history[{position}].attributes", attributes, catalogue.columns, settings.max_text
            )
            entries.append(Entry(position, None, {"title": item.title, **attributes}))
        elif (row := catalogue.row(item.item_id)) is None:
            unknown[item.item_id] = None
        else:
            entries.append(Entry(position, row, None))
    if errors:
        raise ApiError.of(errors)
    return ResolvedHistory(tuple(entries), tuple(unknown))


def check_attributes(
    field: str, attributes: Record, columns: Mapping[str, Column], limit: int
) -> list[FieldError]:
    """What is wrong with the attributes at a field of the request: columns, types, more than `limit` characters."""
    errors = []
    for name, value in attributes.items():
        column = columns.get(name)
        if column is None:
            detail = f"Columns are: {', '.join(columns) or 'none'}."
            errors.append(FieldError(f"{field}.{name}", Code.UNKNOWN_ATTRIBUTE, detail))
        elif wrong := _wrong_type(value, column.kind):
            errors.append(FieldError(f"{field}.{name}", Code.INVALID_FIELD, wrong))
        elif max(map(len, map(str, value if isinstance(value, list) else [value])), default=0) > limit:
            errors.append(
                FieldError(f"{field}.{name}", Code.LIMIT_EXCEEDED, f"At most {limit} characters a value.")
            )
    return errors


def _wrong_type(value: object, kind: ColumnKind) -> str:
    """What the value should be, or "" where it is right. null is a missing value everywhere."""
    if value is None:
        return ""
    if kind is ColumnKind.NUMERIC:
        right = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if right else "This attribute takes a number."
    if kind in (ColumnKind.LIST, ColumnKind.PATH):
        right = isinstance(value, list) and all(isinstance(element, str) for element in value)
        return "" if right else "This attribute takes a list of texts."
    return (
        ""
        if isinstance(value, str | bool | int | float)
        else "This attribute takes one value, a text or a number."
    )
