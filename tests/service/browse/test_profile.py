"""What the columns hold, the values that can be named, and where to begin."""

from collections.abc import Sequence

import numpy as np
import pytest

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.browse import starters
from service.browse.profile import profile
from service.browse.schemas import NumberRange, ValueCount
from service.browse.value_search import Value, ValueSearch
from service.constraints import Vocabulary, parse
from tests.service.world import records

CATALOGUE = Catalogue.from_records(
    [
        {"item_id": "a", "title": "A", "brand": "Acme", "tags": ["red", "small"], "price": 1, "text": "t" * 70},
        {"item_id": "b", "title": "B", "brand": "Bolt", "tags": ["red"], "price": 2, "text": "u" * 70},
        {"item_id": "c", "title": "C", "brand": "acme", "tags": ["big"], "price": None, "text": "v" * 70},
        {"item_id": "d", "title": "D", "brand": None, "tags": [], "price": 6, "text": None},
    ]
)  # fmt: skip
ALL = np.ones(4, dtype=bool)
NOT_A = np.array([False, True, True, True])


def test_columns_say_what_they_hold() -> None:
    brand, tags, price, text = profile(CATALOGUE, ALL)
    assert (brand.name, brand.kind, brand.items, brand.distinct) == ("brand", ColumnKind.CATEGORICAL, 3, 2)
    assert brand.values == [ValueCount(value="Acme", items=2), ValueCount(value="Bolt", items=1)]
    assert [(value.value, value.items) for value in tags.values] == [("red", 2), ("small", 1), ("big", 1)]
    assert (price.items, price.distinct, price.values) == (3, None, [])
    assert price.numbers == NumberRange(lowest=1, quarter=1.5, median=2, three_quarters=4, highest=6)
    assert (text.kind, text.items, text.distinct, text.values, text.numbers) == (
        ColumnKind.TEXT, 3, None, [], None,
    )  # fmt: skip


def test_only_living_rows_count() -> None:
    brand, tags, price, _ = profile(CATALOGUE, NOT_A)
    assert [(value.value, value.items) for value in brand.values] == [("Acme", 1), ("Bolt", 1)]
    assert [(value.value, value.items) for value in tags.values] == [("red", 1), ("big", 1)]
    assert tags.distinct == 2
    assert price.numbers is not None
    assert price.numbers.lowest == 2


def test_a_column_of_numbers_without_any_has_no_range() -> None:
    price = profile(CATALOGUE, np.array([False, False, True, False]))[2]
    assert (price.items, price.numbers) == (0, None)


def test_values_are_found_by_how_their_words_begin_those_of_most_items_first() -> None:
    search = ValueSearch(CATALOGUE, ALL)
    assert search.find("ac", 5) == [Value("brand", "Acme", 2)]
    assert search.find("b", 5) == [Value("brand", "Bolt", 1), Value("tags", "big", 1)]
    assert search.find("b", 1) == [Value("brand", "Bolt", 1)]
    assert search.find("cme", 5) == search.find("  ", 5) == []
    assert ValueSearch(CATALOGUE, NOT_A).find("small", 5) == []


def test_histories_are_of_items_that_lie_close_and_apart_from_each_other() -> None:
    corners = np.eye(3, dtype="f4").repeat(30, axis=0)  # three heaps of 30
    noise = np.random.default_rng(0).normal(scale=0.02, size=corners.shape)
    vectors = corners + noise.astype("f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = starters.histories(vectors, np.arange(100, 190))
    assert len(found) == 4
    assert all(len(set(rows)) == 3 and len({(row - 100) // 30 for row in rows}) == 1 for rows in found)
    assert {(rows[0] - 100) // 30 for rows in found[:3]} == {0, 1, 2}


def test_a_catalogue_of_two_items_has_nothing_to_begin_with() -> None:
    assert starters.histories(np.eye(2, dtype="f4"), np.arange(2)) == []


def test_each_sentence_is_understood_by_the_catalogue_it_was_made_from() -> None:
    catalogue = Catalogue.from_records(records())
    alive = np.ones(len(catalogue), dtype=bool)
    starts = [[0, 3, 6], [1, 4, 7]]
    made = starters.sentences(catalogue, starts, alive)
    assert made == ["no kitchen, under $25", "no tools, under $25"]
    for sentence, rows in zip(made, starts, strict=True):
        clauses = parse(sentence, Vocabulary(catalogue)).clauses
        assert len(clauses) == 2, sentence
        own = {value for row in rows for value in catalogue.attributes(row)["genres"]}  # type: ignore[attr-defined]
        assert sentence.removeprefix("no ").partition(",")[0] not in own


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (range(1920, 2025), 1970),  # the median is 1972
        (range(80, 157), 120),  # 118
        ([0.11, 0.12, 0.13, 0.14, 0.15], 0.13),
        ([2.0, 2.0, 2.0], 2.0),
        ([9.996, 9.996], 10.0),
        ([-40, -20, 0, 20, 40], 0.0),
        ([0, 1, 2, 3, 4], 2.0),
        ([1e6, 2e6, 4e6, 9e6], 3e6),
    ],
)
def test_a_number_in_a_sentence_is_one_that_somebody_would_say(numbers: Sequence[float], said: float) -> None:
    assert starters.round_median(np.array(numbers, dtype=np.float64)) == said


def test_a_sentence_says_nothing_where_the_catalogue_has_nothing_to_say() -> None:
    bare = Catalogue.from_records([{"item_id": f"i{n}", "title": f"thing {n}"} for n in range(3)])
    assert starters.sentences(bare, [[0, 1, 2]], np.ones(3, dtype=bool)) == [""]


def test_the_sample_is_spread_over_what_is_alive() -> None:
    alive = np.ones(10_000, dtype=bool)
    alive[:5000] = False
    rows = starters.sample(alive)
    assert len(rows) == 1667
    assert rows[0] == 5000
    assert rows[-1] >= 9995
