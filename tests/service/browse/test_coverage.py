"""Coverage of what was recommended, by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest

from index.catalog import Catalogue
from service.answered import Tally
from service.browse.coverage import recommended

TEN = Catalogue.from_records([{"item_id": f"i{n}", "title": f"t{n}" if n else ""} for n in range(10)])
SINCE = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
ALL = np.ones(10, dtype=bool)


def test_what_came_up_how_evenly_and_what_most() -> None:
    found = recommended(TEN, ALL, None, Tally(7, {"i0": 6, "i1": 2, "i2": 2}), SINCE)
    assert (found.since, found.answers, found.different) == ("2026-03-01T10:00:00+00:00", 7, 3)
    assert found.coverage == pytest.approx(0.3)
    assert found.top_share == pytest.approx(0.8)  # two of ten items had 8 of 10 places
    assert found.gini == pytest.approx((2 * (2 * 8 + 2 * 9 + 6 * 10) / 10 - 11) / 10)
    assert found.most == [("i0", 6), ("t1", 2), ("t2", 2)]
    assert found.popular_share is None


def test_the_share_of_what_was_popular_in_training() -> None:
    taken = np.array([0, 5, 0, 9, 1], "f4")  # of five items; the others came later
    found = recommended(TEN, ALL, taken, Tally(3, {"i0": 5, "i1": 2, "i3": 1}), SINCE)
    assert found.popular_share == pytest.approx(3 / 8)


def test_what_is_no_more_in_the_catalogue_counts_no_more() -> None:
    alive = ALL.copy()
    alive[0] = False
    found = recommended(TEN, alive, None, Tally(3, {"i0": 6, "i1": 2, "gone": 5}), SINCE)
    assert (found.different, found.most) == (1, [("t1", 2)])
    assert found.coverage == pytest.approx(1 / 9)


def test_nothing_yet() -> None:
    found = recommended(TEN, ALL, np.zeros(10, "f4"), Tally(), SINCE)
    assert (found.answers, found.coverage, found.gini, found.top_share, found.popular_share) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert found.most == []
