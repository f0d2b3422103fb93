"""A filter as values: what parse_filter makes of a request, and what other code may build directly.

All of these are hashable, so that a compiled mask can be kept by its filter. Conditions built here are not
checked again: values must suit the column (numbers for NUMERIC, text for the others).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """The item has at least one of the values: text compared without case and extra space, numbers
    exactly."""

    key: str
    values: tuple[str, ...] | tuple[float, ...]


@dataclass(frozen=True)
class Range:
    """The item's number lies between the bounds that are given."""

    key: str
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None


@dataclass(frozen=True)
class Exists:
    """The item has a value, or with `exists=False` has none."""

    key: str
    exists: bool = True


@dataclass(frozen=True)
class Filter:
    """Every part of `must`, at least one of `should` (if it has any) and no part of `must_not` hold."""

    must: "tuple[Part, ...]" = ()
    should: "tuple[Part, ...]" = ()
    must_not: "tuple[Part, ...]" = ()


Condition = Match | Range | Exists
Part = Condition | Filter
