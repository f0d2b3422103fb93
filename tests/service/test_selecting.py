"""Pools that grow: however small the first one, the page is the same, and what it means does not change on the way."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from index.bundle import Bundle
from index.catalog import Catalogue
from index.columns import ColumnKind
from index.delta import Delta
from index.item_index import open_index
from index.live_catalogue import LiveCatalogue
from index.live_index import LiveIndex
from index.stacked import Stacked
from service import selecting
from service.constraints import Vocabulary
from service.paging import item_hash
from service.searching import Found, Searcher, SearchJob
from service.selecting import select
from service.selection_schemas import Diversity
from service.snapshot import Snapshot
from tests.service.test_paging import HISTORY, ids
from tests.service.world import Running

TWO_OF_A_BRAND = Diversity(max_per={"brand": 2})


@pytest.fixture
def small_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first search is for k items alone."""
    monkeypatch.setattr(selecting, "SMALLEST_POOL", 1)
    monkeypatch.setattr(selecting, "POOL_PER_ITEM", 1)


@pytest.mark.parametrize("k", [1, 4, 7, 8])
def test_a_pool_that_grows_gives_the_page_of_a_large_one(
    live: Running, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"history": HISTORY, "k": k, "diversity": {"max_per": {"brand": 2}}}
    large = live.post(**asked).json()
    monkeypatch.setattr(selecting, "SMALLEST_POOL", 1)
    monkeypatch.setattr(selecting, "POOL_PER_ITEM", 1)
    grown = live.post(**asked).json()
    assert ids(grown) == ids(large)
    assert grown["shortfall"] is None
    assert grown["search"]["allowed"] == 39
    assert k <= grown["applied"]["diversity"]["candidates"] < 39


@pytest.mark.usefixtures("small_pools")
def test_a_pool_grows_until_nothing_fits_and_no_further(live: Running) -> None:
    answer = live.post(history=HISTORY, k=9, diversity={"max_per": {"brand": 2}}).json()
    brands = Counter(item["attributes"]["brand"] for item in answer["items"])
    assert brands == {"Acme": 2, "Stanley": 2, "Bolt": 2, "Orion": 2}
    assert answer["shortfall"] == {"requested": 9, "returned": 8, "reason": "diversity"}
    assert answer["cursor"] is not None  # the next page has room for each brand again


@pytest.mark.usefixtures("small_pools")
def test_what_cheap_means_does_not_change_while_the_pool_grows(live: Running) -> None:
    plain = live.post(constraint="cheap", k=50).json()
    capped = live.post(constraint="cheap", k=8, diversity={"max_per": {"brand": 2}}).json()
    bounds = [a["applied"]["constraint"]["understood"][0]["value"] for a in (plain, capped)]
    assert bounds[0] == bounds[1]
    assert set(ids(capped)) <= set(ids(plain))
    assert len(ids(capped)) == 8


RECORDS: list[dict[str, object]] = [
    {"item_id": "a", "brand": "Acme", "path": ["Home", "Tools"], "price": 5},
    {"item_id": "b", "brand": "ACME", "path": ["Home"], "price": 5.0},
    {"item_id": "c", "brand": "Bolt", "path": ["Tools", "Saws"], "price": 6},
    {"item_id": "d", "path": ["Garden"]},
]
KINDS = {"brand": ColumnKind.CATEGORICAL, "path": ColumnKind.PATH, "price": ColumnKind.NUMERIC}


def hand_made(bundle: Bundle) -> Snapshot:
    """Four items whose order for [1, 0] is theirs."""
    catalogue = Catalogue.from_records(RECORDS, KINDS)
    vectors = np.array([[0.9, 0.1], [0.8, 0.1], [0.7, 0.1], [0.6, 0.1]], np.float32)
    snapshot = Snapshot.of(bundle, open_index(vectors, "cpu"), Vocabulary(catalogue))
    return replace(snapshot, catalogue=catalogue, vectors=vectors, text_vectors=vectors)


def page(
    snapshot: Snapshot, k: int, shown: tuple[bytes, ...] = (), **caps: int
) -> tuple[list[str], list[int]]:
    """Ids of one page, and how many each search asked for."""
    searcher, sizes = Searcher(), []

    async def search(job: SearchJob) -> Found:
        sizes.append(job.k)
        return searcher.run([job])[0]

    job = SearchJob(snapshot, np.array([1, 0], np.float32), k, None, ())
    found = asyncio.run(select(search, job, shown, Diversity(max_per=caps))).found
    return [snapshot.catalogue.item_ids[row] for row in found.rows], sizes


@pytest.mark.usefixtures("small_pools")
@pytest.mark.parametrize(
    ("caps", "right"),
    [
        ({"brand": 1}, ["a", "c", "d"]),
        ({"price": 1}, ["a", "c", "d"]),
        (
            {"path": 1},
            ["a", "b", "c"],
        ),  # the leaves Tools, Home, Saws: that Tools is a root too does not count
    ],
)
def test_each_kind_of_value_is_passed_over_once_it_is_full(
    bundle: Bundle, caps: dict[str, int], right: list[str]
) -> None:
    assert page(hand_made(bundle), 3, **caps)[0] == right


@pytest.mark.usefixtures("small_pools")
def test_searches_grow_fourfold_and_those_before_are_not_repeated(bundle: Bundle) -> None:
    assert page(hand_made(bundle), 1, brand=1) == (["a"], [1])
    shown = (item_hash("a"), item_hash("c"))
    assert page(hand_made(bundle), 2, shown, brand=1) == (["b", "d"], [4])
    assert page(hand_made(bundle), 3, brand=1) == (["a", "c", "d"], [3, 12])


@pytest.mark.usefixtures("small_pools")
def test_a_live_catalogue_of_which_nothing_is_left_is_an_empty_page(bundle: Bundle) -> None:
    snapshot = hand_made(bundle)
    delta = Delta(snapshot.catalogue.columns, 2, 2)
    one = np.array([[1, 0]], np.float32)
    delta.append([{"item_id": "e", "brand": "New"}], one, one, [[]])
    for alive in (np.array([True, False, False, False, True]), np.zeros(5, bool)):
        live = replace(
            snapshot,
            catalogue=LiveCatalogue(snapshot.catalogue, delta, 1, alive),
            index=LiveIndex(snapshot.index, one, alive),
            vectors=Stacked(np.asarray(snapshot.vectors), one),
            alive=alive,
        )
        assert page(live, 3, brand=1)[0] == (["e", "a"] if alive.any() else [])
