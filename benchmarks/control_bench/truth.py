"""Which items satisfy an expectation, computed from the catalogue alone.

Relative words have no truth of their own: cheap is what a percentile says, and which one the service documents
is given (`percentile`: the share in per cent at either end that counts). Against a user's own history it is the
median of that history's numbers.

The truth keeps an item without the attribute where a value is unwanted. Strict mode leaves such items out, whatever
the parse, so the oracle's filter does too; `lenient` says what that costs.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from benchmarks.control_bench.cases import Condition, Expected, Relative
from benchmarks.control_bench.world import Mask, World

PERCENTILE = 25.0


def truth(world: World, expected: Expected, user: int, percentile: float = PERCENTILE) -> Mask:
    """bool [n]: the items that satisfy `filter` and `relative`; all of them where neither is given."""
    condition = lenient_filter(world, expected, user, percentile)
    return world.mask(condition) if condition else np.ones(len(world.catalogue), dtype=bool)


def oracle_filter(
    world: World, expected: Expected, user: int, percentile: float = PERCENTILE
) -> Condition | None:
    """What a perfect parse would have asked for, in strict mode. None where nothing is to be filtered."""
    condition = lenient_filter(world, expected, user, percentile)
    denied = sorted(set(keys_of((expected.filter or {}).get("must_not", []))))
    if not condition or not denied:
        return condition
    known: list[Condition] = [{"key": key, "exists": True} for key in denied]
    return condition | {"must": [*condition.get("must", ()), *known]}


def lenient_filter(
    world: World, expected: Expected, user: int, percentile: float = PERCENTILE
) -> Condition | None:
    """The same, but for items without an attribute of which a value is unwanted: they stay."""
    if expected.relative is None:
        return expected.filter
    limit = threshold(world, expected.relative, expected.filter, user, percentile)
    bound = {"key": expected.relative.key, "lte" if expected.relative.side == "low" else "gte": limit}
    return {"must": [bound, expected.filter] if expected.filter else [bound]}


def comparable(world: World, relative: Relative | None, user: int) -> bool:
    """Whether the user's history has a number, where it is compared with."""
    if relative is None or relative.of == "catalogue":
        return True
    return not bool(np.isnan(world.catalogue.numbers(relative.key)[list(world.histories[user])]).all())


def keys_of(condition: object) -> Iterable[str]:
    """The columns that a filter names."""
    if isinstance(condition, Mapping):
        if "key" in condition:
            yield condition["key"]
        else:
            for parts in condition.values():
                yield from keys_of(parts)
    elif isinstance(condition, list):
        for part in condition:
            yield from keys_of(part)


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
