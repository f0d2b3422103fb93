"""The catalogue's columns as a sentence may speak of them: their names, and what their numbers are of.

A numeric column's concepts and unit are read from its name (units.py) and checked against its values: a year lies
between 1000 and 2100. Where the name gives no unit: minutes, or seconds if the usual value is beyond 600; grams, or
kilograms if it is below 50; currency, centimetres, megabytes otherwise.

Letters: n items.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.tokens import stems
from service.constraints.units import CONCEPT_DIMENSION, UNITS, concepts_of

YEARS = (1000, 2100)
TRUE, FALSE = ("true", "yes", "y", "1"), ("false", "no", "n", "0")
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


@dataclass(frozen=True)
class Flag:
    """A column that says yes or no: its name is what a sentence says ("vegan", "not waterproof")."""

    name: str
    stems: tuple[str, ...]
    yes: str
    no: str
    numeric: bool  # its values are the numbers 1 and 0


def name_stems(name: str) -> tuple[str, ...]:
    """The stems of a column's name: "prep_minutes", "prepMinutes" and "prep minutes" are the same."""
    return stems(CAMEL.sub(" ", name).replace("_", " "))


def numeric_columns(catalogue: Catalogue) -> tuple[Numeric, ...]:
    """The numeric columns that have numbers, flags left out."""
    found = []
    for column in catalogue.columns.values():
        if column.kind is ColumnKind.NUMERIC and _flag(column.name, _numbers(catalogue, column.name)) is None:
            numbers = _numbers(catalogue, column.name)
            if len(numbers):
                found.append(_numeric(column.name, numbers))
    return tuple(found)


def flag_columns(catalogue: Catalogue) -> tuple[Flag, ...]:
    """The columns whose only values are yes and no, in words or as 1 and 0."""
    found = []
    for column in catalogue.columns.values():
        if column.kind is ColumnKind.NUMERIC:
            flag = _flag(column.name, _numbers(catalogue, column.name))
        elif column.kind is ColumnKind.CATEGORICAL:
            flag = _spelled_flag(column.name, catalogue.terms(column.name).values)
        else:
            flag = None
        if flag is not None:
            found.append(flag)
    return tuple(found)


def _numbers(catalogue: Catalogue, name: str) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = catalogue.numbers(name)
    return numbers[np.isfinite(numbers)]


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
        len(np.unique(numbers)) <= SMALL and dimension not in ("time", "money"),
    )  # fmt: skip


def _unit(parts: tuple[str, ...], concepts: tuple[str, ...], usual: float) -> tuple[str | None, float]:
    """The dimension and factor of a column: from the last word of its name, else from what it is of."""
    if concepts == ("year",):
        return None, 1.0
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


def _flag(name: str, numbers: NDArray[np.float64]) -> Flag | None:
    if len(numbers) and set(np.unique(numbers).tolist()) == {0.0, 1.0} and (parts := _flag_stems(name)):
        return Flag(name, parts, "1", "0", True)
    return None


def _spelled_flag(name: str, values: Sequence[str]) -> Flag | None:
    folded = {value.casefold(): value for value in values}
    yes = [value for fold, value in folded.items() if fold in TRUE]
    no = [value for fold, value in folded.items() if fold in FALSE]
    if (
        len(folded) in (1, 2)
        and len(yes) == 1
        and len(yes) + len(no) == len(folded)
        and (parts := _flag_stems(name))
    ):
        return Flag(name, parts, yes[0], no[0] if no else "", False)
    return None


def _flag_stems(name: str) -> tuple[str, ...]:
    return tuple(stem for stem in name_stems(name) if stem not in NAME_NOISE)
