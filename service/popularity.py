"""What to recommend to somebody nothing is known of: the allowed items that were taken most.

So is answered, too, who says nothing but what to leave out: a filter ranks nothing.

Counted when the bundle was made. An item that was put again since keeps its count, a new one starts at 0; equal counts
are ordered by row. Where a request says nothing, `LASER_EMPTY_REQUEST` decides between this and a refusal.

Letters: n rows, m of them appended since the bundle.
"""

import numpy as np
from numpy.typing import NDArray

from index.live_catalogue import LiveCatalogue
from service.constraints import Constraint
from service.errors import ApiError, Code
from service.history import StoredHistory
from service.schemas import RecommendRequest
from service.settings import Settings
from service.snapshot import Snapshot

MODE = "popularity"
UNKNOWN = "This bundle does not know what is popular: it was made by an older version. Re-index it."


def answers_popular(
    request: RecommendRequest,
    constraint: Constraint,
    stored: StoredHistory,
    snapshot: Snapshot,
    settings: Settings,
) -> bool:
    """Nothing is known of the user, and the most popular items are the answer.

    Raises ApiError (422) where that is not wanted, or the bundle does not know them. A store that is away is no reason
    to refuse: the model has an answer for somebody it knows nothing of.
    """
    if request.history or constraint.sentence or stored.item_ids:
        return False
    wanted = settings.empty_request == "popular"
    if wanted and snapshot.popularity is not None:
        return True
    if stored.away:
        return False
    if request.user_id is not None:
        detail = "Nothing is stored under this user_id, and the request brings no history."
        raise ApiError(Code.NO_STORED_HISTORY, f"{detail} {UNKNOWN}" if wanted else detail, "user_id")
    detail = "At least one of history, user_id and constraint must say something."
    raise ApiError(Code.EMPTY_REQUEST, f"{detail} {UNKNOWN}" if wanted else detail, "body")


def most_popular(
    snapshot: Snapshot, mask: NDArray[np.bool_] | None, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k rows of highest popularity that the mask (bool [n]) allows, best first, and their popularity."""
    popularity = _counts(snapshot)  # [n]
    rows = np.arange(len(popularity)) if mask is None else np.flatnonzero(mask)
    counts = popularity[rows]
    if len(rows) > k:
        kth = np.partition(counts, -k)[-k]
        ties = rows[counts == kth][: k - int((counts > kth).sum())]
        rows = np.concatenate([rows[counts > kth], ties])
    best = rows[np.lexsort((rows, -popularity[rows]))]
    return best, popularity[best]


def _counts(snapshot: Snapshot) -> NDArray[np.float32]:
    """float32 [n]: the bundle's, and those of the rows appended since."""
    counts, catalogue = snapshot.popularity, snapshot.catalogue
    assert counts is not None, "the request is refused where the bundle knows no popularity"
    if not isinstance(catalogue, LiveCatalogue):
        return counts
    before = catalogue.base.rows(catalogue.item_ids[len(counts) :])  # [m], -1 for items that are new
    return np.concatenate([counts, np.where(before >= 0, counts[before], np.float32(0))])
