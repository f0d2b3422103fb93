"""Where nothing is known of the user: the most popular allowed items if the service is set to, else a refusal."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from index.bundle import Bundle
from index.catalog import Catalogue
from index.delta import Delta
from index.item_index import open_index
from index.live_catalogue import LiveCatalogue
from service.metrics import Metrics
from service.popularity import most_popular
from service.recommender import Recommender
from service.searching import Searcher, SearchJob
from service.settings import Settings, load_settings
from service.snapshot import Snapshot
from tests.service.fakes import FakeEncoder
from tests.service.test_bad_input import refused
from tests.service.test_paging import ids, pages
from tests.service.world import Running, running

COUNTS = np.array([n % 7 for n in range(41)], np.float32)  # i6, i13, i20, i27, i34 have 6
BEST = ["i6", "i13", "i20", "i27", "i34", "i5", "i12"]


@pytest.fixture
def popular(bundle: Bundle, encoder: FakeEncoder, settings: Settings) -> Iterator[Running]:
    """A service whose bundle knows what is popular, and that recommends it to whom nothing is known of."""
    counted = replace(bundle, popularity=COUNTS)
    changed = settings.model_copy(update={"empty_request": "popular"})
    recommender = Recommender(counted, encoder, open_index(bundle.vectors, "cpu"), changed, Metrics())
    with running(changed, recommender) as server:
        yield server


def test_the_most_popular_first_then_by_row(popular: Running, encoder: FakeEncoder) -> None:
    answer = popular.post(k=7).json()
    assert ids(answer) == BEST
    assert [item["score"] for item in answer["items"]] == [6, 6, 6, 6, 6, 5, 5]
    assert answer["search"] == {"mode": "popularity", "allowed": 41}
    assert answer["degraded"] == ["popularity"]
    assert encoder.users == 0  # nothing was encoded


def test_filters_exclusions_pages_and_caps_hold_there_too(popular: Running) -> None:
    conditions = {"must": [{"key": "brand", "eq": "Acme"}]}
    found = pages(popular, 4, filter=conditions, exclude={"item_ids": ["i20"]})
    right = sorted((n for n in range(0, 41, 4) if n != 20), key=lambda n: -COUNTS[n])
    shown = [item_id for page in found for item_id in ids(page)]
    assert shown == ["shelf/7 b" if n == 40 else f"i{n}" for n in right]
    capped = popular.post(k=4, diversity={"max_per": {"brand": 1}}).json()
    assert ids(capped) == ["i6", "i13", "i20", "i27"]


def test_a_user_without_events_gets_them_and_is_told_why(popular: Running) -> None:
    answer = popular.post(user_id="nobody", k=3, explain=True).json()
    assert ids(answer) == BEST[:3]
    assert answer["degraded"] == ["user_history", "popularity"]
    assert answer["items"][0]["reasons"] == []


def test_whoever_says_something_is_answered_from_that(popular: Running) -> None:
    answer = popular.post(history=[{"item_id": "i3"}], k=3).json()
    assert (answer["search"]["mode"], answer["degraded"]) == ("exact", [])


def test_a_sentence_that_only_filters_ranks_nothing_and_popularity_does(popular: Running) -> None:
    answer = popular.post(constraint="nothing from Acme", k=7, explain=True).json()
    right = sorted((n for n in range(40) if n % 4), key=lambda n: -COUNTS[n])[:7]
    assert ids(answer) == [f"i{n}" for n in right]
    assert (answer["search"]["mode"], answer["degraded"]) == ("popularity", ["popularity"])
    places = [item["sentence"]["rank_without"] for item in answer["items"]]
    assert places == [1, 2, 4, 5, 6, 8, 9]  # i20 and i12 are Acme's
    assert (answer["items"][0]["reasons"], answer["items"][0]["parts"]) == ([], None)


def test_popularity_is_not_asked_where_there_is_anything_to_rank_by(bundle: Bundle) -> None:
    nothing = np.zeros(bundle.vectors.shape[1], np.float32)
    known, unknown = replace(of(bundle), popularity=COUNTS), of(bundle)
    jobs = [
        SearchJob(known, nothing, 3, None, ()),
        SearchJob(known, bundle.vectors[0], 3, None, ()),
        SearchJob(known, nothing, 3, None, (), [0]),
        SearchJob(unknown, nothing, 3, None, ()),
    ]
    assert [found.mode for found in Searcher().run(jobs)] == ["popularity", "exact", "exact", "exact"]


def test_an_empty_request_is_refused_by_default(live: Running) -> None:
    refused(live.post(), 422, "empty_request", "body")
    refused(live.post(user_id="nobody"), 422, "no_stored_history", "user_id")
    assert load_settings().empty_request == "refuse"


def test_a_bundle_that_does_not_know_says_what_to_do(
    bundle: Bundle, encoder: FakeEncoder, settings: Settings
) -> None:
    changed = settings.model_copy(update={"empty_request": "popular"})
    unknowing = replace(bundle, popularity=None)
    recommender = Recommender(unknowing, encoder, open_index(bundle.vectors, "cpu"), changed, Metrics())
    with running(changed, recommender) as server:
        assert "Re-index" in refused(server.post(), 422, "empty_request", "body")["detail"]
        detail = refused(server.post(user_id="nobody"), 422, "no_stored_history", "user_id")["detail"]
        assert "Re-index" in detail


@pytest.mark.parametrize("k", [1, 3, 5, 6, 40, 41, 100])
def test_the_k_most_popular_of_what_a_mask_allows(bundle: Bundle, k: int) -> None:
    snapshot = replace(of(bundle), popularity=COUNTS)
    for mask in (None, np.arange(41) % 3 == 0, np.zeros(41, bool)):
        allowed = [n for n in range(41) if mask is None or mask[n]]
        rows, counts = most_popular(snapshot, mask, k)
        assert rows.tolist() == sorted(allowed, key=lambda n: (-COUNTS[n], n))[:k]
        assert counts.tolist() == COUNTS[rows].tolist()


def of(bundle: Bundle) -> Snapshot:
    """A snapshot of the bundle, without what nobody asks here."""
    return Snapshot.of(bundle, open_index(bundle.vectors, "cpu"), None)  # type: ignore[arg-type]


def test_an_item_that_is_put_again_keeps_its_count_and_a_new_one_starts_at_none(bundle: Bundle) -> None:
    base = Catalogue.from_records([{"item_id": f"i{row}"} for row in range(41)])
    delta = Delta(base.columns, 2, 2)
    records = [{"item_id": "i6"}, {"item_id": "brand new"}]
    delta.append(records, np.ones((2, 2), np.float32), np.ones((2, 2), np.float32), [[], []])
    alive = np.array([row != 6 for row in range(43)])
    snapshot = replace(of(bundle), popularity=COUNTS, catalogue=LiveCatalogue(base, delta, 2, alive))
    rows, counts = most_popular(snapshot, alive, 43)
    assert rows[:5].tolist() == [13, 20, 27, 34, 41]
    assert counts[rows == 42].tolist() == [0]
    assert 6 not in rows
