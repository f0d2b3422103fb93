"""Two columns that hold both ends of one thing: min_players and max_players.

"4 players" and "2 to 4 players" must lie between the ends: min_players <= 2 and max_players >= 4. "At least 5 players"
and "at most 4" are about the upper end: how many it goes up to.
"""

from collections.abc import Sequence
from dataclasses import replace

from service.constraints.attributes import Numeric
from service.constraints.types import Bounds

LOWEST, HIGHEST = frozenset({"min", "minimum"}), frozenset({"max", "maximum"})

Pair = tuple[str, str]  # names of the columns of the lower and of the upper end


def find_pairs(columns: Sequence[Numeric]) -> dict[str, Pair]:
    """The pair of each column that has one: names that differ in nothing but "min" and "max"."""
    ends = [
        {
            tuple(stem for stem in column.stems if stem not in extreme): column.name
            for column in columns
            if extreme & set(column.stems)
        }
        for extreme in (LOWEST, HIGHEST)
    ]
    pairs = [(name, ends[1][rest]) for rest, name in ends[0].items() if rest and rest in ends[1]]
    return {name: pair for pair in pairs for name in pair}


def between_ends(bounds: Bounds, pair: Pair) -> tuple[Bounds, ...]:
    """Bounds on one of the columns as bounds on the pair."""
    low = bounds.gte if bounds.gte is not None else bounds.gt
    high = bounds.lte if bounds.lte is not None else bounds.lt
    if low is None or high is None:
        return (replace(bounds, attribute=pair[1]),)
    nothing = replace(bounds, gte=None, gt=None, lte=None, lt=None)
    return replace(nothing, attribute=pair[0], lte=low), replace(nothing, attribute=pair[1], gte=high)
