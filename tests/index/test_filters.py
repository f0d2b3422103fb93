"""Filters: what each operator means, what is refused and where, and agreement with a plain reading of the
grammar."""

import math
import timeit
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.catalog import Catalogue
from index.columns import ColumnKind, fold, parse_number
from index.filters import Exists, Filter, FilterError, Match, Range, compile_mask, parse_filter

KINDS = {
    "brand": ColumnKind.CATEGORICAL,
    "path": ColumnKind.PATH,
    "tags": ColumnKind.LIST,
    "price": ColumnKind.NUMERIC,
    "about": ColumnKind.TEXT,
}
RECORDS: list[dict[str, object]] = [
    {
        "item_id": "0",
        "brand": "COKA",
        "path": ["Beauty", "Makeup", "Eyes"],
        "tags": ["red", "new"],
        "price": "5.04",
        "about": "x",
    },
    {
        "item_id": "1",
        "brand": "Prada",
        "path": ["Beauty", "Hair"],
        "tags": ["blue"],
        "price": 20,
        "about": "",
    },
    {"item_id": "2", "brand": "coka", "path": ["Home"], "tags": [], "price": None},
    {"item_id": "3", "brand": None, "path": [], "price": "unknown"},
    {"item_id": "4", "brand": "Café", "path": ["Beauty"], "tags": ["red"], "price": 20.5},
]
CATALOGUE = Catalogue.from_records(RECORDS, KINDS)


def rows(filter: object) -> list[int]:
    return np.flatnonzero(compile_mask(parse_filter(filter, CATALOGUE.columns), CATALOGUE)).tolist()


def must(**condition: object) -> dict[str, object]:
    return {"must": [{name.rstrip("_"): value for name, value in condition.items()}]}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"key": "brand", "eq": "Coka"}, [0, 2]),
        ({"key": "brand", "eq": "  COKA "}, [0, 2]),
        ({"key": "brand", "eq": "CAFE\u0301"}, [4]),
        ({"key": "brand", "eq": "nobody"}, []),
        ({"key": "brand", "in": ["prada", "nobody", "coka"]}, [0, 1, 2]),
        ({"key": "brand", "exists": True}, [0, 1, 2, 4]),
        ({"key": "brand", "exists": False}, [3]),
        ({"key": "path", "eq": "Beauty"}, [0, 1, 4]),
        ({"key": "path", "eq": "makeup"}, [0]),
        ({"key": "path", "in": ["Eyes", "Home"]}, [0, 2]),
        ({"key": "path", "exists": False}, [3]),
        ({"key": "tags", "eq": "red"}, [0, 4]),
        ({"key": "tags", "exists": False}, [2, 3]),
        ({"key": "price", "eq": 20}, [1]),
        ({"key": "price", "in": [5.04, 20.5, 7]}, [0, 4]),
        ({"key": "price", "gte": 20}, [1, 4]),
        ({"key": "price", "gt": 20}, [4]),
        ({"key": "price", "lte": 20}, [0, 1]),
        ({"key": "price", "lt": 20}, [0]),
        ({"key": "price", "gt": 5, "lte": 20}, [0, 1]),
        ({"key": "price", "gte": 20, "lte": 20}, [1]),
        ({"key": "price", "exists": True}, [0, 1, 4]),
        ({"key": "price", "exists": False}, [2, 3]),
        ({"key": "about", "exists": True}, [0]),
    ],
)
def test_what_each_condition_means(condition: dict[str, object], expected: list[int]) -> None:
    assert rows({"must": [condition]}) == expected
    assert rows({"should": [condition]}) == expected
    assert rows({"must_not": [condition]}) == [row for row in range(5) if row not in expected]


COKA, RED, CHEAP = {"key": "brand", "eq": "COKA"}, {"key": "tags", "eq": "red"}, {"key": "price", "lte": 20}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"must": [COKA, RED]}, [0]),
        ({"should": [COKA, RED]}, [0, 2, 4]),
        ({"must_not": [COKA, RED]}, [1, 3]),
        ({"must": [CHEAP], "should": [COKA, RED], "must_not": [{"key": "tags", "eq": "new"}]}, []),
        ({"must": [CHEAP], "must_not": [RED]}, [1]),
        ({"must_not": [{"key": "price", "gt": 20}]}, [0, 1, 2, 3]),  # what has no price stays
        ({"must": [{"key": "price", "exists": True}], "must_not": [{"key": "price", "gt": 20}]}, [0, 1]),
        ({"must_not": [{"must": [COKA, RED]}]}, [1, 2, 3, 4]),
        ({"must": [{"should": [COKA, {"must_not": [{"key": "brand", "exists": True}]}]}]}, [0, 2, 3]),
    ],
)
def test_what_groups_mean(filter: dict[str, object], expected: list[int]) -> None:
    assert rows(filter) == expected


def test_a_parsed_filter_is_a_value() -> None:
    parsed = parse_filter(
        {"must": [CHEAP, COKA], "must_not": [{"key": "tags", "exists": False}]}, CATALOGUE.columns
    )
    assert parsed == Filter(
        must=(Range("price", lte=20.0), Match("brand", ("COKA",))), must_not=(Exists("tags", False),)
    )
    assert (
        len(
            {
                parsed,
                parse_filter(
                    {"must_not": [{"key": "tags", "exists": False}], "must": [CHEAP, COKA]}, CATALOGUE.columns
                ),
            }
        )
        == 1
    )


def test_masks_are_fresh() -> None:
    parsed = parse_filter(must(key="brand", exists=True), CATALOGUE.columns)
    compile_mask(parsed, CATALOGUE)[:] = False
    assert compile_mask(parsed, CATALOGUE).tolist() == [True, True, True, False, True]


@pytest.mark.parametrize("value", [True, "true", "True"])
def test_true_is_asked_for_as_json_has_it(value: object) -> None:
    catalogue = Catalogue.from_records(
        [{"item_id": str(n), "title": "x", "new": new} for n, new in enumerate((True, False))]
    )
    parsed = parse_filter(must(key="new", eq=value), catalogue.columns)
    assert compile_mask(parsed, catalogue).tolist() == [True, False]


@pytest.mark.parametrize(
    ("filter", "path", "message"),
    [
        (None, "filter", "must be an object with must, should, must_not, not null"),
        ([], "filter", "not a list of 0"),
        ({}, "filter", "is empty"),
        ({"must": []}, "filter.must", "is empty"),
        ({"must": None}, "filter.must", "must be a list of conditions, not null"),
        ({"must": COKA}, "filter.must", "must be a list of conditions, not an object"),
        ({"any": [COKA]}, "filter.any", "unknown: a group has must, should, must_not"),
        ({"a b": [COKA]}, "filter['a b']", "unknown"),
        ({"\ud800": [COKA]}, r"filter['\ud800']", "unknown"),
        ({"x" * 99: []}, f"filter['{'x' * 64}...']", "unknown"),
        ({"must": [{}]}, "filter.must[0]", "not an empty object"),
        ({"must": ["brand"]}, "filter.must[0]", "not text"),
        ({"must": [COKA, {"eq": "x"}]}, "filter.must[1].key", "must name a column"),
        (must(key=7, eq="x"), "filter.must[0].key", "must be text, not a number"),
        (
            must(key="brnad", eq="x"),
            "filter.must[0].key",
            "'brnad' is no column of this catalogue; did you mean 'brand'?",
        ),
        (must(key="zzz", eq="x"), "filter.must[0].key", "columns are: brand, path, tags, price, about"),
        (must(key="title", eq="x"), "filter.must[0].key", "no column"),
        (must(key="z" * 10**6, eq="x"), "filter.must[0].key", "columns are"),
        (must(key="brand"), "filter.must[0]", "has no operator: use one of eq, in, gte, gt, lte, lt, exists"),
        (must(key="brand", equals="x"), "filter.must[0].equals", "unknown operator"),
        (must(key="brand", must=[COKA]), "filter.must[0].must", "unknown operator"),
        (must(key="brand", eq="x", in_=["y"]), "filter.must[0]", "has eq and in: split it"),
        (must(key="price", gte=1, exists=True), "filter.must[0]", "has gte and exists: split it"),
        (must(key="brand", eq=5), "filter.must[0].eq", "must be text, not a number"),
        (must(key="brand", eq=None), "filter.must[0].eq", "must be text, not null"),
        (must(key="brand", eq=["COKA"]), "filter.must[0].eq", "must be text, not a list of 1"),
        (must(key="brand", eq=" "), "filter.must[0].eq", "is blank"),
        (must(key="brand", eq="\udfff"), "filter.must[0].eq", "Unicode characters"),
        (must(key="brand", eq="x" * 1025), "filter.must[0].eq", "at most 1024"),
        (must(key="brand", in_="COKA"), "filter.must[0].in", "must be a list of 1 to 1024 values, not text"),
        (must(key="brand", in_=[]), "filter.must[0].in", "not a list of 0"),
        (must(key="brand", in_=["x"] * 1025), "filter.must[0].in", "not a list of 1025"),
        (must(key="brand", in_=["x", 1]), "filter.must[0].in[1]", "must be text, not a number"),
        (
            must(key="brand", gte=1),
            "filter.must[0].gte",
            "column 'brand' is categorical, not numeric: use eq or in",
        ),
        (must(key="path", lt="b"), "filter.must[0].lt", "column 'path' is path, not numeric"),
        (
            must(key="about", eq="x"),
            "filter.must[0].eq",
            "column 'about' is free text: it knows exists alone",
        ),
        (must(key="brand", exists="yes"), "filter.must[0].exists", "must be true or false, not text"),
        (must(key="brand", exists=1), "filter.must[0].exists", "must be true or false, not a number"),
        (must(key="price", eq="20"), "filter.must[0].eq", "must be a number, not text"),
        (must(key="price", eq=True), "filter.must[0].eq", "must be a number, not true or false"),
        (must(key="price", in_=[1, None]), "filter.must[0].in[1]", "must be a number, not null"),
        (must(key="price", lte=math.nan), "filter.must[0].lte", "finite"),
        (must(key="price", lte=math.inf), "filter.must[0].lte", "finite"),
        (must(key="price", eq=2**63), "filter.must[0].eq", "beyond 64 bits"),
        (must(key="price", gt=-(2**63) - 1), "filter.must[0].gt", "beyond 64 bits"),
        (must(key="price", gte=21, lte=20.5), "filter.must[0].lte", "nothing lies between 21 and 20.5"),
        (must(key="price", gt=20, lte=20), "filter.must[0].lte", "nothing lies between"),
        (must(key="price", gte=20, lt=20), "filter.must[0].lt", "nothing lies between"),
        (must(key="price", gte=1, gt=1), "filter.must[0].gt", "give gte or gt, not both"),
        (must(key="price", lte=1, lt=1), "filter.must[0].lt", "give lte or lt, not both"),
        (
            {"should": [{"must_not": [{"key": "x", "eq": "y"}]}]},
            "filter.should[0].must_not[0].key",
            "no column",
        ),
    ],
)
def test_mistakes_are_refused_where_they_are(filter: object, path: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(filter, CATALOGUE.columns)
    assert caught.value.path == path
    assert message in caught.value.message
    assert str(caught.value).startswith(f"{path}: ")
    str(caught.value).encode()  # can be sent, whatever came in


def test_integers_of_64_bits_are_numbers() -> None:
    assert rows(must(key="price", gte=-(2**63), lte=2**63 - 1)) == [0, 1, 4]


def nested(levels: int) -> dict[str, object]:
    filter: dict[str, object] = {"must": [COKA]}
    for _ in range(levels - 1):
        filter = {"must": [filter]}
    return filter


def test_depth_and_size_have_limits() -> None:
    assert rows(nested(8)) == [0, 2]
    with pytest.raises(FilterError, match="8 levels deep"):
        parse_filter(nested(9), CATALOGUE.columns)
    with pytest.raises(FilterError, match="8 levels deep"):
        parse_filter(nested(5000), CATALOGUE.columns)
    assert rows({"should": [COKA] * 256}) == [0, 2]
    with pytest.raises(FilterError, match=r"filter\.should\[256\]: a filter may have 256 conditions"):
        parse_filter({"should": [COKA] * 257}, CATALOGUE.columns)
    with pytest.raises(FilterError, match="256 conditions"):
        parse_filter({"should": [{"must": [COKA] * 200}, {"must": [COKA] * 57}]}, CATALOGUE.columns)


def test_an_empty_catalogue() -> None:
    empty = Catalogue.from_records([])
    with pytest.raises(FilterError, match="columns are: none"):
        parse_filter(must(key="brand", eq="x"), empty.columns)
    assert compile_mask(Filter(), empty).shape == (0,)


def test_filtering_does_not_loop_over_rows() -> None:
    """200,000 rows in a few milliseconds; a Python loop over them would take a hundred."""
    n = 200_000
    rng = np.random.default_rng(0)
    brands, prices = rng.integers(0, 500, n), rng.random(n) * 100
    values = enumerate(zip(brands.tolist(), prices.tolist(), strict=True))
    catalogue = Catalogue.from_records(
        {"item_id": str(i), "brand": f"b{b}", "price": p} for i, (b, p) in values
    )
    filter = {"must": [{"key": "brand", "in": ["b1", "b2"]}, {"key": "price", "lte": 20}]}
    parsed = parse_filter(filter, catalogue.columns)
    mask = compile_mask(parsed, catalogue)  # builds the columns' views, once
    assert mask.tolist() == (np.isin(brands, [1, 2]) & (prices <= 20)).tolist()
    assert min(timeit.repeat(lambda: compile_mask(parsed, catalogue), number=1, repeat=7)) < 0.03


# A plain reading of the grammar, item by item, as the oracle.


def holds(filter: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    if "key" in filter:
        return satisfies(filter, record.get(filter["key"]))
    return (
        all(holds(part, record) for part in filter.get("must", []))
        and ("should" not in filter or any(holds(part, record) for part in filter["should"]))
        and not any(holds(part, record) for part in filter.get("must_not", []))
    )


def satisfies(condition: Mapping[str, Any], value: Any) -> bool:
    if KINDS[condition["key"]] is ColumnKind.NUMERIC:
        number = parse_number(value)
        if "exists" in condition:
            return (number is not None) == condition["exists"]
        if number is None:
            return False
        wanted = condition.get("in", [condition["eq"]] if "eq" in condition else None)
        if wanted is not None:
            return number in wanted
        return (
            condition.get("gte", -math.inf) <= number <= condition.get("lte", math.inf)
            and number > condition.get("gt", -math.inf)
            and number < condition.get("lt", math.inf)
        )
    values = {fold(text) for text in (value if isinstance(value, list) else [value or ""]) if fold(text)}
    if "exists" in condition:
        return bool(values) == condition["exists"]
    return any(fold(wanted) in values for wanted in condition.get("in", [condition.get("eq")]))


WORDS = st.sampled_from(["a", "A", "b", " b", "ß", "ss", "c d", "C  D", "é"])
NUMBERS = st.sampled_from([-1, 0, 0.5, 1, 2, 3.5])
TEXT_CONDITIONS = st.sampled_from(["brand", "path", "tags"]).flatmap(
    lambda key: st.one_of(
        st.fixed_dictionaries({"key": st.just(key), "eq": WORDS}),
        st.fixed_dictionaries({"key": st.just(key), "in": st.lists(WORDS, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"key": st.just(key), "exists": st.booleans()}),
    )
)
NUMBER_CONDITIONS = st.one_of(
    st.fixed_dictionaries({"key": st.just("price"), "eq": NUMBERS}),
    st.fixed_dictionaries({"key": st.just("price"), "in": st.lists(NUMBERS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"key": st.sampled_from(["price", "about"]), "exists": st.booleans()}),
    st.tuples(st.sampled_from(["gte", "gt"]), NUMBERS).map(
        lambda bound: {"key": "price", bound[0]: bound[1]}
    ),
    st.tuples(st.sampled_from(["lte", "lt"]), NUMBERS).map(
        lambda bound: {"key": "price", bound[0]: bound[1]}
    ),
    st.tuples(st.sampled_from(["gte", "gt"]), st.sampled_from(["lte", "lt"]), NUMBERS, NUMBERS)
    .filter(lambda bounds: bounds[2] < bounds[3])
    .map(lambda bounds: {"key": "price", bounds[0]: bounds[2], bounds[1]: bounds[3]}),
)
CONDITIONS = st.one_of(TEXT_CONDITIONS, NUMBER_CONDITIONS)


def groups(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    clauses = st.sampled_from(["must", "should", "must_not"])
    return st.dictionaries(clauses, st.lists(parts, min_size=1, max_size=3), min_size=1)


FILTERS = groups(st.recursive(CONDITIONS, groups, max_leaves=8))
ITEMS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "brand": st.one_of(st.none(), WORDS, st.just(" ")),
            "path": st.lists(WORDS, max_size=3),
            "tags": st.one_of(st.none(), st.lists(WORDS, max_size=3)),
            "price": st.one_of(st.none(), NUMBERS, NUMBERS.map(str), st.just("n/a")),
            "about": st.one_of(st.none(), WORDS, st.just("")),
        },
    ),
    max_size=8,
)


@settings(max_examples=400, deadline=None)
@given(filter=FILTERS, items=ITEMS)
def test_any_filter_agrees_with_a_plain_reading(filter: dict[str, Any], items: list[dict[str, Any]]) -> None:
    every_key = {"item_id": "all", "brand": "a", "path": ["a"], "tags": ["a"], "price": 1, "about": "a"}
    records = [every_key, *({"item_id": f"i{n}"} | item for n, item in enumerate(items))]
    catalogue = Catalogue.from_records(records, KINDS)
    mask = compile_mask(parse_filter(filter, catalogue.columns), catalogue)
    assert mask.tolist() == [holds(filter, record) for record in records]


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from([*KINDS, "x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["must", "should", "must_not", "key", "eq", "in", "gte", "lt", "exists"]),
                st.text(max_size=3),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(filter=ANYTHING)
def test_anything_else_is_a_filter_error_and_never_a_traceback(filter: object) -> None:
    try:
        parsed = parse_filter(filter, CATALOGUE.columns)
    except FilterError:
        return
    assert compile_mask(parsed, CATALOGUE).shape == (5,)
