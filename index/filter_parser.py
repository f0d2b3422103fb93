"""Filters from JSON, checked so strictly that what passes can only be meant. Their grammar: see
filters.py."""

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from index.cells import is_unicode
from index.columns import Column, ColumnKind, fold, spell
from index.conditions import Condition, Exists, Filter, Match, Part, Range

MOST_LEVELS = 8
MOST_CONDITIONS = 256
MOST_VALUES = 1024  # in one `in`
LONGEST_TEXT = 1024  # characters of one value
LONGEST_NAME = 64  # characters of a name that are worth repeating in a message
CLAUSES = ("must", "should", "must_not")
BOUNDS = ("gte", "gt", "lte", "lt")
OPERATORS = ("eq", "in", *BOUNDS, "exists")


class FilterError(ValueError):
    """A filter that cannot be meant: the JSON path of the place (filter.must[0].lte), and why."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}")


def parse_filter(obj: object, columns: Mapping[str, Column]) -> Filter:
    """Check a filter, as JSON gave it, against a catalogue's columns. Raises FilterError."""
    return _Parser(columns).group(obj, "filter", 1)


class _Parser:
    """One pass over one filter; counts its conditions."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self._conditions = 0

    def group(self, obj: object, path: str, level: int) -> Filter:
        """The group at `path`, which is that many levels deep."""
        if not isinstance(obj, Mapping):
            raise FilterError(path, f"must be an object with {', '.join(CLAUSES)}, not {_name(obj)}")
        if level > MOST_LEVELS:
            raise FilterError(path, f"groups may be nested {MOST_LEVELS} levels deep, no deeper")
        for name in obj:
            if name not in CLAUSES:
                raise FilterError(_inside(path, name), f"unknown: a group has {', '.join(CLAUSES)}")
        if not obj:
            raise FilterError(path, f"is empty: give at least one of {', '.join(CLAUSES)}, or leave it out")
        return Filter(**{name: self._parts(parts, f"{path}.{name}", level) for name, parts in obj.items()})

    def _parts(self, parts: object, path: str, level: int) -> tuple[Part, ...]:
        if not isinstance(parts, list):
            raise FilterError(path, f"must be a list of conditions, not {_name(parts)}")
        if not parts:
            raise FilterError(path, "is empty: give at least one condition, or leave it out")
        return tuple(self._part(part, f"{path}[{n}]", level) for n, part in enumerate(parts))

    def _part(self, obj: object, path: str, level: int) -> Part:
        if not isinstance(obj, Mapping) or not obj:
            raise FilterError(
                path, f"must be a condition with a key and an operator, or a group, not {_name(obj)}"
            )
        if "key" not in obj and any(name in CLAUSES for name in obj):
            return self.group(obj, path, level + 1)
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise FilterError(path, f"a filter may have {MOST_CONDITIONS} conditions, no more")
        return self._condition(obj, path)

    def _condition(self, obj: Mapping[str, object], path: str) -> Condition:
        column = self._column(obj, path)
        used = [name for name in obj if name != "key"]
        for name in used:
            if name not in OPERATORS:
                raise FilterError(_inside(path, name), f"unknown operator: use one of {', '.join(OPERATORS)}")
        if not used:
            raise FilterError(path, f"has no operator: use one of {', '.join(OPERATORS)}")
        if len(used) > 1 and not set(used) <= set(BOUNDS):
            raise FilterError(
                path, f"has {' and '.join(used)}: split it into conditions with one operator each"
            )
        if "exists" in obj:
            if not isinstance(obj["exists"], bool):
                raise FilterError(f"{path}.exists", f"must be true or false, not {_name(obj['exists'])}")
            return Exists(column.name, obj["exists"])
        if column.kind is ColumnKind.TEXT:
            raise FilterError(
                f"{path}.{used[0]}", f"column {column.name!r} is free text: it knows exists alone"
            )
        if "eq" in obj:
            return _match(column, [obj["eq"]], lambda n: f"{path}.eq")
        if "in" in obj:
            values = obj["in"]
            if not isinstance(values, list) or not 0 < len(values) <= MOST_VALUES:
                raise FilterError(
                    f"{path}.in", f"must be a list of 1 to {MOST_VALUES} values, not {_name(values)}"
                )
            return _match(column, values, lambda n: f"{path}.in[{n}]")
        return _range(column, obj, path)

    def _column(self, obj: Mapping[str, object], path: str) -> Column:
        key = obj.get("key")
        if not isinstance(key, str):
            raise FilterError(
                f"{path}.key", "must name a column" if key is None else f"must be text, not {_name(key)}"
            )
        column = self._columns.get(key)
        if column is None:
            close = get_close_matches(key, self._columns, 1) if len(key) <= LONGEST_NAME else []
            hint = (
                f"did you mean {close[0]!r}?"
                if close
                else f"columns are: {', '.join(self._columns) or 'none'}"
            )
            raise FilterError(f"{path}.key", f"{_short(key)} is no column of this catalogue; {hint}")
        return column


def _match(column: Column, values: list[object], path: Callable[[int], str]) -> Match:
    if column.kind is ColumnKind.NUMERIC:
        return Match(column.name, tuple(_number(value, path(n)) for n, value in enumerate(values)))
    return Match(column.name, tuple(_text(value, path(n)) for n, value in enumerate(values)))


def _range(column: Column, obj: Mapping[str, object], path: str) -> Range:
    given = {name: obj[name] for name in BOUNDS if name in obj}
    if column.kind is not ColumnKind.NUMERIC:
        raise FilterError(
            f"{path}.{next(iter(given))}",
            f"column {column.name!r} is {column.kind}, not numeric: use eq or in",
        )
    bounds = {name: _number(value, f"{path}.{name}") for name, value in given.items()}
    for one, other in (("gte", "gt"), ("lte", "lt")):
        if one in bounds and other in bounds:
            raise FilterError(f"{path}.{other}", f"give {one} or {other}, not both")
    low = bounds.get("gte", bounds.get("gt", -math.inf))
    high = bounds.get("lte", bounds.get("lt", math.inf))
    if low > high or (low == high and ("gt" in bounds or "lt" in bounds)):
        upper = "lte" if "lte" in bounds else "lt"
        raise FilterError(f"{path}.{upper}", f"nothing lies between {low:g} and {high:g}")
    return Range(column.name, **bounds)


def _number(value: object, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FilterError(path, f"must be a number, not {_name(value)}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise FilterError(path, "is an integer beyond 64 bits")
    if not math.isfinite(value):
        raise FilterError(path, "must be a finite number")
    return float(value)


def _text(value: object, path: str) -> str:
    if isinstance(value, bool):
        return spell(value)
    if not isinstance(value, str):
        raise FilterError(path, f"must be text, not {_name(value)}")
    if len(value) > LONGEST_TEXT or not is_unicode(value):
        raise FilterError(path, f"must be at most {LONGEST_TEXT} Unicode characters")
    if not fold(value):
        raise FilterError(path, "is blank")
    return value


def _name(value: object) -> str:
    """What JSON calls a value, for messages; never the value itself, which may be long or private."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "an empty object" if not value else "an object"


def _inside(path: str, name: str) -> str:
    """The JSON path of a member; a name that is no plain word is quoted, since it is whatever the client
    sent."""
    return (
        f"{path}.{name}" if name.isidentifier() and len(name) <= LONGEST_NAME else f"{path}[{_short(name)}]"
    )


def _short(text: str) -> str:
    return ascii(text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "...")
