"""What of the catalogue was recommended, and how evenly: numbers of the insight page, a pure function.

Letters: n rows.
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from service.answered import Tally
from service.browse.insight import SHOWN, gini
from service.browse.insight_schemas import Recommended

TOP = 5  # one in so many items: a fifth


def recommended(
    catalogue: Catalogue,
    alive: NDArray[np.bool_],
    popularity: NDArray[np.float32] | None,
    tally: Tally,
    since: datetime,
) -> Recommended:
    """Of the rows `alive` (bool [n]); `popularity` says of the first rows how often each was taken in training.

    An item that has left the catalogue counts no more.
    """
    times = np.zeros(len(catalogue), np.int64)  # [n]
    for item_id, count in tally.times.items():
        row = catalogue.row(item_id)
        if row is not None:
            times[row] = count
    times *= alive
    living = times[alive]
    most = [row for row in np.argsort(-times, kind="stable")[:SHOWN].tolist() if times[row]]
    return Recommended(
        since=since.isoformat(timespec="seconds"),
        answers=tally.answers,
        different=int((living > 0).sum()),
        coverage=float((living > 0).mean()) if len(living) else 0.0,
        gini=gini(living),
        top_share=_share_of_top(living, living),
        popular_share=None if popularity is None else _popular(times, alive, popularity),
        most=[(catalogue.title(row) or catalogue.item_ids[row], int(times[row])) for row in most],
    )


def _popular(times: NDArray[np.int64], alive: NDArray[np.bool_], popularity: NDArray[np.float32]) -> float:
    """Items that came after training were taken by nobody in it."""
    taken = np.zeros(len(times))  # [n]
    taken[: len(popularity)] = popularity
    return _share_of_top(times[alive], taken[alive])


def _share_of_top(times: NDArray[np.int64], by: NDArray[np.float64] | NDArray[np.int64]) -> float:
    """The share of all `times` that is of the fifth of the items with most `by`; 0 where nothing was counted."""
    top = np.argsort(-by, kind="stable")[: -(-len(by) // TOP)]
    return float(times[top].sum() / max(int(times.sum()), 1))
