"""The catalogue's columns as a sentence may speak of them: their names, and what their numbers are of.

A numeric column's concepts and unit are read from its name (units.py) and checked against its values: a year lies
between 1000 and 2100. Where the name gives no unit: minutes, or seconds if the usual value is beyond 600; grams, or
kilograms if it is below 50; currency, centimetres, megabytes otherwise.

Letters: n items.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.tokens import stems
from service.constraints.units import CONCEPT_DIMENSION, UNITS, concepts_of

YEARS = (1000, 2100)
DAY = 1440.0  # minutes: from days on, durations are counted
SMALL = 60  # distinct numbers up to which "4 players" and "14 inches" are meant exactly
EXTREMES = frozenset({"min", "max", "minimum", "maximum"})  # "min_players" counts players, not minutes
NAME_NOISE = frozenset(
    {"is", "has", "can", "with", "in", "of", "the", "num", "number", "count", "total", "avg", "n", "no"}
)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Numeric:
    """A column of numbers."""

    name: str
    stems: tuple[str, ...]  # of its name
    concepts: tuple[str, ...]
    dimension: str | None
    factor: float  # base units in one of its own
    low: float
    high: float
    counts: bool  # few different numbers, and no durations: players, bedrooms, inches of a screen

    @property
    def is_year(self) -> bool:
        """Its numbers are calendar years."""
        return "year" in self.concepts


def name_stems(name: str) -> tuple[str, ...]:
    """The stems of a column's name: "prep_minutes", "prepMinutes" and "prep minutes" are the same."""
    return stems(CAMEL.sub(" ", name).replace("_", " "))


def numeric_columns(catalogue: Catalogue) -> tuple[Numeric, ...]:
    """The numeric columns that have numbers, flags left out."""
    found = []
    for column in catalogue.columns.values():
        if column.kind is ColumnKind.NUMERIC:
            numbers = numbers_of(catalogue, column.name)
            if len(numbers) and not is_yes_or_no(numbers):
                found.append(_numeric(column.name, numbers))
    return tuple(found)


def numbers_of(catalogue: Catalogue, name: str) -> NDArray[np.float64]:
    """float64 [n]: the numbers of a column, in the order of its items; those without one left out."""
    numbers: NDArray[np.float64] = catalogue.numbers(name)
    return numbers[np.isfinite(numbers)]


def is_yes_or_no(numbers: NDArray[np.float64]) -> bool:
    """Whether a column of numbers says yes and no, as 1 and 0."""
    return set(np.unique(numbers).tolist()) == {0.0, 1.0}


def _numeric(name: str, numbers: NDArray[np.float64]) -> Numeric:
    parts = name_stems(name)
    telling = tuple(stem for stem in parts[:-1] if stem not in EXTREMES) + parts[-1:]
    concepts = concepts_of(telling)
    usual = float(np.median(numbers))
    whole = bool((numbers == np.floor(numbers)).all())
    if "year" in concepts and not (
        whole and YEARS[0] <= np.percentile(numbers, 5) and numbers.max() <= YEARS[1]
    ):
        concepts = tuple(concept for concept in concepts if concept != "year")
    if "year" in concepts:
        concepts = ("year",)
    dimension, factor = _unit(parts, concepts, usual)
    return Numeric(
        name, parts, concepts, dimension, factor, float(numbers.min()), float(numbers.max()),
        len(np.unique(numbers)) <= SMALL and dimension != "money" and (dimension != "time" or factor >= DAY),
    )  # fmt: skip


def _unit(parts: tuple[str, ...], concepts: tuple[str, ...], usual: float) -> tuple[str | None, float]:
    """The dimension and factor of a column: from the last word of its name, else from what it is of."""
    if concepts == ("year",):
        return None, 1.0
    if "per" in parts[1:]:  # "hours_per_week"
        parts = parts[: parts.index("per")]
    if parts and parts[-1] == "area":
        return "area", 1.0
    for dimension, table in UNITS.items():
        if parts and parts[-1] in table and not (dimension == "money" and parts[-1] == "pound"):
            return dimension, table[parts[-1]]
    for concept in concepts:
        dimension_ = CONCEPT_DIMENSION.get(concept)
        if dimension_ == "time":
            return "time", 1 / 60 if usual > 600 else 1.0
        if dimension_ == "mass":
            return "mass", 1.0 if usual > 50 else 1000.0
        if dimension_ is not None:
            return dimension_, 1.0
    return None, 1.0
