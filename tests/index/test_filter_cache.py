"""The cache of compiled filters: the same masks, fewer compilations, bounded memory, and live rows always fresh."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index import filter_cache
from index.catalog import Catalogue
from index.columns import ColumnKind
from index.conditions import Exists, Filter, Match, Range
from index.delta import Delta
from index.filter_cache import FilterCache
from index.filters import compile_mask
from index.live_catalogue import LiveCatalogue

BRANDS = ("Acme", "Bolt", None)
RECORDS = [{"item_id": str(n), "brand": BRANDS[n % 3], "price": n} for n in range(20)]
KINDS = {"brand": ColumnKind.CATEGORICAL, "price": ColumnKind.NUMERIC}
CATALOGUE = Catalogue.from_records(RECORDS, KINDS)

ACME = Filter(must=(Match("brand", ("acme",)),))
CHEAP = Filter(must=(Range("price", lt=7.0),))
UNKNOWN = Filter(must_not=(Exists("brand"),))


def cheaper(price: float) -> Filter:
    return Filter(must=(Range("price", lt=price),))


@pytest.mark.parametrize("filter", [ACME, CHEAP, UNKNOWN, Filter(must=(ACME, CHEAP)), Filter()])
def test_a_mask_is_what_compiling_gives_each_time(filter: Filter) -> None:
    asked: list[bool] = []
    cache = FilterCache(CATALOGUE, 10_000, asked.append)
    for _ in range(3):
        mask = cache.mask(filter, CATALOGUE)
        assert mask.dtype == bool
        assert mask.tolist() == compile_mask(filter, CATALOGUE).tolist()
        mask[:] = True  # it is the caller's own
    assert asked == [False, True, True]


def test_equal_filters_are_one_entry() -> None:
    asked: list[bool] = []
    cache = FilterCache(CATALOGUE, 10_000, asked.append)
    cache.mask(ACME, CATALOGUE)
    cache.mask(Filter(must=(Match("brand", ("acme",)),)), CATALOGUE)
    assert asked == [False, True]
    assert len(cache) == 1


def test_what_was_not_used_for_longest_goes_first() -> None:
    one = FilterCache(CATALOGUE, 10_000)
    one.mask(CHEAP, CATALOGUE)
    asked: list[bool] = []
    cache = FilterCache(CATALOGUE, 3 * one.bytes, asked.append)  # room for three
    for price in (1, 2, 3, 1, 4, 1, 2):
        cache.mask(cheaper(price), CATALOGUE)
        assert len(cache) <= 3
        assert cache.bytes == len(cache) * one.bytes
    assert asked == [False, False, False, True, False, True, False]  # 4 took the place of 2


def test_a_filter_larger_than_the_cache_is_not_kept() -> None:
    cache = FilterCache(CATALOGUE, 2000)
    wide = Filter(must=(Match("brand", tuple(f"brand {n}" for n in range(1000))),))
    assert cache.mask(wide, CATALOGUE).sum() == 0
    assert (len(cache), cache.bytes) == (0, 0)
    none = FilterCache(CATALOGUE, 0)
    assert none.mask(ACME, CATALOGUE).sum() == 7
    assert len(none) == 0


def test_bits_and_not_bytes_are_kept() -> None:
    many = Catalogue.from_records([{"item_id": str(n), "price": n} for n in range(8000)])
    cache = FilterCache(many, 10**6)
    assert cache.mask(cheaper(5), many).sum() == 5
    assert cache.bytes < 1000 + 500


def test_appended_rows_are_read_anew_and_the_bundles_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[int] = []

    def counted(filter: Filter, catalogue: Catalogue) -> np.ndarray:
        compiled.append(len(catalogue))
        return compile_mask(filter, catalogue)

    monkeypatch.setattr(filter_cache, "compile_mask", counted)
    cache, delta = FilterCache(CATALOGUE, 10_000), Delta(CATALOGUE.columns, 1, 1)
    for count in range(1, 4):
        vector = np.ones((1, 1), np.float32)
        delta.append([{"item_id": "0", "brand": "ACME", "price": count}], vector, vector, [[]])
        alive = np.ones(20 + count, bool)
        alive[[0, *range(20, 19 + count)]] = False
        live = LiveCatalogue(CATALOGUE, delta, count, alive)
        for conditions in (ACME, CHEAP, UNKNOWN):
            mask = cache.mask(conditions, live) & alive
            assert mask.tolist() == (compile_mask(conditions, live) & alive).tolist()
            assert mask[-1] == (conditions != UNKNOWN)
    assert compiled == [20, 1] * 3 + [2] * 3 + [3] * 3


def test_threads_may_ask_at_once() -> None:
    cache = FilterCache(CATALOGUE, 1500)  # so small that entries come and go
    prices = [n % 11 for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda price: int(cache.mask(cheaper(price), CATALOGUE).sum()), prices))
    assert sums == prices
    assert 0 < cache.bytes <= 1500
