"""Times that can be compared: the contestants take turns in one run, and the median decides.

A machine slows down and speeds up while it is measured; whoever ran first would win or lose by that. So every round
runs each contestant once, and a ratio is the median over the rounds of the ratio within a round.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Seconds = Mapping[str, Sequence[float]]


def alternate(
    contestants: Mapping[str, Callable[[], object]], budget: float, least: int = 3, most: int = 50
) -> dict[str, list[float]]:
    """Seconds of each call. One call each to warm up, then rounds until `budget` seconds are gone, at least `least`
    and at most `most`."""
    for call in contestants.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    begun = time.perf_counter()
    for done in range(most):
        if done >= least and time.perf_counter() - begun > budget:
            break
        for name, call in contestants.items():
            taken[name].append(timed(call))
    return taken


def timed(call: Callable[[], object]) -> float:
    """Seconds that one call took."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def times_faster(taken: Seconds, ours: str, theirs: str) -> float:
    """How many times as long `theirs` takes, median over the rounds."""
    return statistics.median(their / our for our, their in zip(taken[ours], taken[theirs], strict=True))


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Growth as a power of the size: the least-squares slope of log time over log size. 1 is linear."""
    line = statistics.linear_regression([math.log(s) for s in sizes], [math.log(t) for t in seconds])
    return float(line.slope)
