"""Measures of order that tell artefacts of a data set from behaviour of its users.

Pure functions of arrays. R interactions, in file order: `users` and `items` are codes int64 [R],
`timestamps` float64 [R]. I item codes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY = 86_400  # seconds

Codes = NDArray[np.int64]
Times = NDArray[np.float64]


@dataclass(frozen=True)
class StepOrder:
    """Among a user's steps from one item to a different next one: in what share the next id is larger.

    .5 by chance. `larger` is None where there are no steps.
    """

    steps: int
    larger: float | None

    @property
    def standard_error(self) -> float:
        """Of `larger`, if ids and order had nothing to do with each other."""
        return 0.5 / math.sqrt(self.steps) if self.steps else math.inf


def natural_ranks(ids: Sequence[str]) -> Codes:
    """The place of each id in the order of the ids: as numbers if all are whole numbers, else as strings.

    int64 [I].
    """
    numeric = all(item_id.isascii() and item_id.isdigit() for item_id in ids)
    order = sorted(range(len(ids)), key=lambda code: (int(ids[code]), "") if numeric else (0, ids[code]))
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[order] = np.arange(len(ids))
    return ranks


def step_order(users: Codes, items: Codes, timestamps: Times, ranks: Codes, same_day: bool) -> StepOrder:
    """How often the next item's id is larger; with `same_day` only over steps within one day (UTC)."""
    order = np.lexsort((timestamps, users))
    users, items, days = users[order], items[order], timestamps[order] // DAY
    steps = (users[1:] == users[:-1]) & (items[1:] != items[:-1])
    if same_day:
        steps &= days[1:] == days[:-1]
    larger = (ranks[items[1:]] > ranks[items[:-1]])[steps]
    return StepOrder(len(larger), float(larger.mean()) if len(larger) else None)


def rank_correlation(first: Sequence[int] | Codes, second: Sequence[int] | Codes) -> float | None:
    """Spearman's rank correlation of two columns without ties; None for fewer than two values."""
    if len(first) < 2:
        return None
    return float(np.corrcoef(np.argsort(np.argsort(first)), np.argsort(np.argsort(second)))[0, 1])


def first_seen(items: Codes, timestamps: Times) -> Codes:
    """The item codes in the order of their first interaction by time; ties in file order. int64 [<= I]."""
    by_time = items[np.argsort(timestamps, kind="stable")]
    codes, places = np.unique(by_time, return_index=True)
    return codes[np.argsort(places)]


def out_of_order(users: Codes, timestamps: Times) -> Codes:
    """Positions of interactions that are older than the one before them of the same user. int64 [any]."""
    by_user = np.argsort(users, kind="stable")
    earlier = (users[by_user][1:] == users[by_user][:-1]) & (
        timestamps[by_user][1:] < timestamps[by_user][:-1]
    )
    return np.sort(by_user[1:][earlier])


def repeats(*columns: NDArray[np.int64] | NDArray[np.float64]) -> Codes:
    """Positions of rows that equal an earlier row in all columns. int64 [any]."""
    order = np.lexsort(columns[::-1])  # stable: of equal rows the first in the file comes first
    same = np.ones(max(len(order) - 1, 0), dtype=np.bool_)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    return np.sort(order[1:][same])
