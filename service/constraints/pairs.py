"""Two columns that hold both ends of one thing: min_players and max_players.

"4 players" and "2 to 4 players" must lie between the ends: min_players <= 2 and max_players >= 4. "At least 5 players"
and "at most 4" are about the upper end: how many it goes up to. Where only one end is there, "for 4 guests" must not
lie beyond it: max_guests >= 4.
"""

from collections.abc import Sequence
from dataclasses import replace

from service.constraints.attributes import Numeric
from service.constraints.types import Bounds

LOWEST, HIGHEST = frozenset({"min", "minimum"}), frozenset({"max", "maximum"})

Pair = tuple[str | None, str | None]  # names of the columns of the lower and of the upper end


def find_pairs(columns: Sequence[Numeric]) -> dict[str, Pair]:
    """The pair of each column that is an end: names that differ in nothing but "min" and "max".

    A column whose other end is missing is the pair's only one, if it counts things: "max_guests", not "max_price".
    """
    ends = [
        {
            tuple(stem for stem in column.stems if stem not in extreme): column.name
            for column in columns
            if extreme & set(column.stems)
        }
        for extreme in (LOWEST, HIGHEST)
    ]
    counted = {column.name for column in columns if column.counts}
    pairs: list[Pair] = []
    for rest in dict.fromkeys((*ends[0], *ends[1])):
        low, high = ends[0].get(rest), ends[1].get(rest)
        if rest and ((low and high) or {low, high} & counted):
            pairs.append((low, high))
    return {name: pair for pair in pairs for name in pair if name is not None}


def between_ends(bounds: Bounds, pair: Pair) -> tuple[Bounds, ...]:
    """Bounds on one of the columns as bounds on the pair."""
    low = bounds.gte if bounds.gte is not None else bounds.gt
    high = bounds.lte if bounds.lte is not None else bounds.lt
    if low is None or high is None:
        return (replace(bounds, attribute=pair[1] or bounds.attribute),)
    nothing = replace(bounds, gte=None, gt=None, lte=None, lt=None)
    below = (replace(nothing, attribute=pair[0], lte=low),) if pair[0] else ()
    above = (replace(nothing, attribute=pair[1], gte=high),) if pair[1] else ()
    return (*below, *above)
