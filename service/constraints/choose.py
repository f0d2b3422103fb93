"""Which column a range or a relative word is about.

In this order: the column that was named beside it; its unit or the noun behind the number ("4 players"); what the
comparator speaks of ("longer": duration); a calendar year by its form; the column of the range before it ("over 10
and under 20"); a price; the only column whose numbers lie around it. The further down, the less sure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.constraints.attributes import EXTREMES, Numeric
from service.constraints.ranges import Range
from service.constraints.relative import Sense
from service.constraints.types import Bounds, Relative, Side
from service.constraints.units import DIMENSION_CONCEPT, Unit

SURE, LIKELY, CARRIED, PLAUSIBLE = 0.95, 0.9, 0.8, 0.75
REACH = 3.0  # how far outside of a column's numbers a bare number may lie, as a factor
BARE_ROOM = 0.2  # "a 90-minute film": 72 to 108
WHOLE = (
    "total",
    "overall",
    "runtime",
    "duration",
    "rating",
    "score",
    "point",
)  # of several columns of one dimension, the one to take
LONG_UNITS = 43_800  # minutes: months and years are ages


@dataclass(frozen=True)
class Missing:
    """A range about something that no column holds: "under $20" where nothing has a price."""

    concept: str


def choose(
    found: Range, columns: Sequence[Numeric], named: Numeric | None, carried: str | None
) -> Bounds | Missing | None:
    """The range as bounds on a column; Missing where it is clearly about something no column holds; else None.

    `named` is a column mentioned beside it, `carried` the column of the range before.
    """
    if named is None and not found.units and found.word:
        named = _by_noun(found.word, columns)
    if named is not None and (unit := _unit_for(found, named)) is not None:
        return _bounds(found, named, unit, SURE)
    if found.units:
        return _by_unit(found, columns)
    if found.concepts and (column := _of_concepts(found.concepts, columns, found)) is not None:
        return _bounds(_turned(found, column), column, 1.0, LIKELY)
    years = [column for column in columns if column.is_year]
    prices = [column for column in columns if {"price", "pay"} & set(column.concepts)]
    amount = found.year and not found.bare and not found.concepts and not _spans(found, years)
    near = any(_fits(found, column) for column in years)
    if (
        amount and prices and (_spans(found, prices[:1]) or not near)
    ):  # "under 2000" where the oldest is of 2012
        return _bounds(found, prices[0], 1.0, CARRIED)
    if found.year and years:
        return _bounds(found, years[0], 1.0, LIKELY)
    if found.year and _gte(found) >= 1000 and not _plausible(found, columns):
        return Missing("year") if not found.bare else None
    if found.bare:
        return None
    by_name = {column.name: column for column in columns}
    if carried in by_name and _fits(found, by_name[carried]):
        return _bounds(found, by_name[carried], 1.0, CARRIED)
    if prices:
        return _bounds(found, prices[0], 1.0, CARRIED)
    fitting = _plausible(found, columns)
    return _bounds(found, fitting[0], 1.0, PLAUSIBLE) if len(fitting) == 1 else None


def relative(sense: Sense, columns: Sequence[Numeric], words: str) -> Relative | None:
    """A relative word as one end of the first column it can be about."""
    for concept, side in sense.ends:
        of_it = [column for column in columns if concept in column.concepts]
        whole = [column for column in of_it if set(WHOLE) & set(column.stems)]
        if of_it:
            return end_of((whole or of_it)[0], side, sense.percentile, words, sense.confidence)
    return None


def end_of(column: Numeric, side: Side, percentile: float, words: str, confidence: float) -> Relative:
    """One end of a column."""
    return Relative(column.name, side, percentile, words, confidence, own=percentile == 50.0)


def complement(bounds: Bounds) -> Bounds:
    """What is left: "not under 20" is from 20."""
    low = bounds.gte if bounds.gte is not None else bounds.gt
    high = bounds.lte if bounds.lte is not None else bounds.lt
    if low is not None and high is not None:
        return replace(bounds, include=not bounds.include)
    return replace(bounds, gte=bounds.lt, gt=bounds.lte, lte=bounds.gt, lt=bounds.gte)


def _bounds(found: Range, column: Numeric, factor: float, confidence: float) -> Bounds:
    """The range in the column's own unit."""
    gte, gt, lte, lt = (
        None if bound is None else round(bound * factor, 6)
        for bound in (found.gte, found.gt, found.lte, found.lt)
    )
    if found.bare and gte is not None:
        if "price" in column.concepts:
            gte = None
        elif not column.counts and not column.is_year:
            gte, lte = round(gte * (1 - BARE_ROOM), 6), round(gte * (1 + BARE_ROOM), 6)
    return Bounds(column.name, "", confidence, gte, gt, lte, lt)


def _unit_for(found: Range, column: Numeric) -> float | None:
    """What turns the said unit into the column's; None where they are of different dimensions."""
    if not found.units:
        return 1.0
    for unit in found.units:
        if unit.dimension == column.dimension:
            return unit.factor / column.factor
    return None


def best_fit(found: Range, columns: Sequence[Numeric]) -> Numeric | None:
    """Of several columns that a word names, the first in whose numbers the range lies, else near them."""
    within = [column for column in columns if _spans(found, [column])]
    near = within or [column for column in columns if _fits(found, column)] or list(columns)
    return near[0] if near else None


def _spans(found: Range, columns: Sequence[Numeric]) -> bool:
    """Whether all of the bounds lie among the numbers of one of the columns."""
    numbers = [bound for bound in (found.gte, found.gt, found.lte, found.lt) if bound is not None]
    return any(all(column.low <= number <= column.high for number in numbers) for column in columns)


def _turned(found: Range, column: Numeric) -> Range:
    """The range the other way round, where the comparator says the opposite of what the column holds."""
    if not set(found.turned) & set(column.concepts):
        return found
    return found._replace(gte=found.lte, gt=found.lt, lte=found.gte, lt=found.gt)


def _by_noun(word: str, columns: Sequence[Numeric]) -> Numeric | None:
    return next((column for column in columns if word in column.stems and word not in EXTREMES), None)


def _by_unit(found: Range, columns: Sequence[Numeric]) -> Bounds | Missing | None:
    fitting: list[tuple[Numeric, Unit]] = [
        (column, unit) for unit in found.units for column in columns if column.dimension == unit.dimension
    ]
    if not fitting:
        by_word = _by_noun(found.word, columns)
        if by_word is not None and by_word.is_year:
            return None  # "three years old": which year that was is for a clock to say
        if by_word is not None:
            return _bounds(found, by_word, 1.0, SURE)
        dimensions = [unit.dimension for unit in found.units if unit.factor < LONG_UNITS]
        return (
            Missing(DIMENSION_CONCEPT.get(dimensions[0], dimensions[0]))
            if dimensions and not found.bare
            else None
        )
    fitting = [
        pair for pair in fitting if _fits(_scaled(found, pair), pair[0])
    ] or fitting  # "3 pounds": money or mass
    spoken = [pair for pair in fitting if set(found.concepts) & set(pair[0].concepts)] or fitting
    called = [
        pair for pair in spoken if found.word in pair[0].stems
    ] or spoken  # "4 stars": stars, not a score
    whole = [pair for pair in called if set(WHOLE) & set(pair[0].stems)] or called
    column, unit = whole[0]
    found = _turned(found, column)
    if unit.dimension == "time" and unit.factor >= LONG_UNITS and column.high * column.factor < unit.factor:
        return None  # "for 3 years": no length of anything here
    different = {pair[0].name for pair in whole if pair[1].dimension == unit.dimension}
    return _bounds(found, column, unit.factor / column.factor, SURE if len(different) == 1 else PLAUSIBLE)


def _scaled(found: Range, pair: tuple[Numeric, Unit]) -> Range:
    """The range in the unit of a column."""
    factor = pair[1].factor / pair[0].factor
    gte, gt, lte, lt = (None if b is None else b * factor for b in (found.gte, found.gt, found.lte, found.lt))
    return found._replace(gte=gte, gt=gt, lte=lte, lt=lt)


def _of_concepts(concepts: Sequence[str], columns: Sequence[Numeric], found: Range) -> Numeric | None:
    """The first column of a concept whose numbers lie around the range's."""
    for concept in concepts:
        of_it = [column for column in columns if concept in column.concepts]
        fitting = [column for column in of_it if _fits(found, column)]
        if fitting or (of_it and concept != "party"):
            return best_fit(found, fitting or of_it)
    return None


def _plausible(found: Range, columns: Sequence[Numeric]) -> list[Numeric]:
    return [column for column in columns if _fits(found, column)]


def _fits(found: Range, column: Numeric) -> bool:
    numbers = [bound for bound in (found.gte, found.gt, found.lte, found.lt) if bound is not None]
    if column.is_year:
        return all(column.low - 100 <= number <= column.high + 100 for number in numbers)
    return all(column.low / REACH <= number <= column.high * REACH for number in numbers)


def _gte(found: Range) -> float:
    return max(
        (bound for bound in (found.gte, found.gt, found.lte, found.lt) if bound is not None), default=0.0
    )
