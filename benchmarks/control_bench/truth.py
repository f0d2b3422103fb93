"""Which items satisfy an expectation, computed from the catalogue alone.

Relative words have no truth of their own: cheap is what a percentile says, and which one the service documents
is given (`percentile`: the share in per cent at either end that counts). Against a user's own history it is the
median of that history's numbers.
"""

import numpy as np

from benchmarks.control_bench.cases import Condition, Expected, Relative
from benchmarks.control_bench.world import Mask, World

PERCENTILE = 30.0


def truth(world: World, expected: Expected, user: int, percentile: float = PERCENTILE) -> Mask:
    """bool [n]: the items that satisfy `filter` and `relative`; all of them where neither is given."""
    condition = oracle_filter(world, expected, user, percentile)
    return world.mask(condition) if condition else np.ones(len(world.catalogue), dtype=bool)


def oracle_filter(
    world: World, expected: Expected, user: int, percentile: float = PERCENTILE
) -> Condition | None:
    """The same as a filter: what a perfect parse would have asked for. None where nothing is to be filtered."""
    if expected.relative is None:
        return expected.filter
    limit = threshold(world, expected.relative, expected.filter, user, percentile)
    bound = {"key": expected.relative.key, "lte" if expected.relative.side == "low" else "gte": limit}
    return {"must": [bound, expected.filter] if expected.filter else [bound]}


def threshold(
    world: World, relative: Relative, condition: Condition | None, user: int, percentile: float = PERCENTILE
) -> float:
    """Where the side begins: among the items that `condition` leaves, or among those of the history."""
    numbers = world.catalogue.numbers(relative.key)
    if relative.of == "history":
        numbers, percentile = numbers[list(world.histories[user])], 50.0
    elif condition:
        numbers = numbers[world.mask(condition)]
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        raise ValueError(f"no item to compare has a number in {relative.key!r}")
    return float(np.percentile(numbers, percentile if relative.side == "low" else 100 - percentile))
