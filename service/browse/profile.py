"""What each column of a catalogue holds: how many items have it, its commonest values, its range of numbers."""

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import Column, ColumnKind
from service.browse.schemas import ColumnProfile, NumberRange, ValueCount

MOST_VALUES = 40  # of a column
QUARTERS = (0, 25, 50, 75, 100)  # percentiles

Alive = NDArray[np.bool_]


def profile(catalogue: Catalogue, alive: Alive) -> list[ColumnProfile]:
    """Every column, in the catalogue's order. Only rows that are `alive` (bool [n]) count."""
    return [_column(column, catalogue, alive) for column in catalogue.columns.values()]


def value_counts(catalogue: Catalogue, name: str, alive: Alive) -> list[ValueCount]:
    """The values of a CATEGORICAL, LIST or PATH column that an item has, those with most items first."""
    terms = catalogue.terms(name)
    below = np.concatenate([[0], np.cumsum(alive[terms.rows])])  # living rows before each place, [E + 1]
    counts = below[terms.starts[1:]] - below[terms.starts[:-1]]  # [V]
    order = np.argsort(-counts, kind="stable")
    return [ValueCount(value=terms.values[n], items=int(counts[n])) for n in order if counts[n]]


def _column(column: Column, catalogue: Catalogue, alive: Alive) -> ColumnProfile:
    values: list[ValueCount] | None = None
    if column.kind not in (ColumnKind.NUMERIC, ColumnKind.TEXT):
        values = value_counts(catalogue, column.name, alive)
    return ColumnProfile(
        name=column.name,
        kind=column.kind,
        items=int((catalogue.present(column.name) & alive).sum()),
        distinct=None if values is None else len(values),
        values=(values or [])[:MOST_VALUES],
        numbers=_numbers(catalogue, column.name, alive) if column.kind is ColumnKind.NUMERIC else None,
    )


def _numbers(catalogue: Catalogue, name: str, alive: Alive) -> NumberRange | None:
    numbers = catalogue.numbers(name)
    numbers = numbers[np.isfinite(numbers) & alive]
    if not len(numbers):
        return None
    lowest, quarter, median, three_quarters, highest = np.percentile(numbers, QUARTERS).tolist()
    return NumberRange(
        lowest=lowest, quarter=quarter, median=median, three_quarters=three_quarters, highest=highest
    )
