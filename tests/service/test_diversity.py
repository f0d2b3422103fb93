"""Diversity worked out by hand, and over HTTP: exactly k as long as the caps allow it, and told where they do not."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from index.columns import Column, ColumnKind
from service.diversity import Chooser, Value, capped_values
from service.selection_schemas import Diversity
from tests.service.test_bad_input import refused
from tests.service.test_paging import HISTORY, ids, pages
from tests.service.world import Running

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]
BETWEEN = [0.6, 0.8]  # likeness 0.6 to EAST, 0.8 to NORTH


def brands(*names: str | None) -> list[tuple[Value, ...]]:
    return [() if name is None else (("brand", name),) for name in names]


def chosen(
    k: int,
    scores: list[float],
    z: list[list[float]],
    values: list[tuple[Value, ...]] | None = None,
    **asks: Any,
) -> Chooser:
    chooser = Chooser(k, Diversity(**asks), 2)
    chooser.offer(scores, np.array(z, np.float32), values or [()] * len(scores))
    return chooser


def test_marginal_relevance_by_hand() -> None:
    """Relevance 1, 0.9, 0.5, 0. After EAST, at 0.5: again EAST 0.45 - 0.5, BETWEEN 0.25 - 0.3, NORTH 0.0 - 0; then
    BETWEEN 0.25 - 0.4 is below EAST -0.05."""
    scores, z = [3.0, 2.9, 2.5, 2.0], [EAST, EAST, BETWEEN, NORTH]
    assert chosen(4, scores, z, mmr=0.5).places == [0, 3, 1, 2]
    assert chosen(4, scores, z, mmr=1.0).places == [0, 1, 2, 3]
    assert chosen(3, scores, z, mmr=0.0).places == [0, 3, 2]


def test_an_opposite_is_not_liked_better_than_a_stranger() -> None:
    """A negative cosine counts as 0: NORTH and WEST are equally different from EAST, so the better score decides."""
    assert chosen(2, [1.0, 0.5, 0.4], [EAST, NORTH, WEST], mmr=0.0).places == [0, 1]


def test_length_does_not_count_as_likeness() -> None:
    long = [[10.0, 0.0], [0.0, 0.1], [7.0, 0.0], [0.0, 0.0]]
    assert chosen(3, [1.0, 0.5, 0.6, 0.1], long, mmr=0.4).places == [0, 1, 3]


def test_equal_scores_have_equal_relevance() -> None:
    assert chosen(2, [1.0, 1.0, 1.0], [EAST, EAST, NORTH], mmr=0.9).places == [0, 2]


def test_a_cap_is_obeyed_from_the_best_down() -> None:
    z = [EAST] * 6
    values = brands("a", "a", "a", None, "b", "a")
    chooser = chosen(4, [6.0, 5, 4, 3, 2, 1], z, values, max_per={"brand": 2})
    assert chooser.places == [0, 1, 3, 4]
    assert chooser.full == {("brand", "a")}
    assert not chooser.is_short


def test_more_candidates_fill_what_caps_left_open() -> None:
    chooser = chosen(3, [3.0, 2.0], [EAST, EAST], brands("a", "a"), max_per={"brand": 1})
    assert (chooser.places, chooser.is_short) == ([0], True)
    chooser.offer([1.0, 0.9], np.array([EAST, EAST], np.float32), brands("a", "b"))
    assert (chooser.places, chooser.is_short) == ([0, 3], True)
    chooser.offer([], np.empty((0, 2), np.float32), [])
    chooser.offer([0.5, 0.4], np.array([EAST, EAST], np.float32), brands(None, None))
    assert chooser.places == [0, 3, 4]
    assert chooser.offered == 6


def test_later_candidates_are_compared_with_what_was_chosen_before() -> None:
    chooser = chosen(2, [1.0], [EAST], brands("a"), mmr=0.1, max_per={"brand": 1})
    assert chooser.places == [0]
    chooser.offer([0.9, 0.1], np.array([EAST, NORTH], np.float32), brands("b", "c"))
    assert chooser.places == [0, 2]


def test_one_item_may_fill_several_caps() -> None:
    values: list[tuple[Value, ...]] = [(("tags", "x"), ("tags", "y")), (("tags", "y"),), (("tags", "z"),)]
    assert chosen(3, [3.0, 2, 1], [EAST] * 3, values, max_per={"tags": 1}).places == [0, 2]


COLUMNS = {
    "brand": Column("brand", ColumnKind.CATEGORICAL),
    "tags": Column("tags", ColumnKind.LIST),
    "path": Column("path", ColumnKind.PATH),
    "year": Column("year", ColumnKind.NUMERIC),
}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("brand", "  Acme  CO", [("brand", "acme co")]),
        ("brand", True, [("brand", "true")]),
        ("brand", None, []),
        ("brand", " ", []),
        ("tags", ["Red", "red", " ", "blue", ""], [("tags", "red"), ("tags", "blue")]),
        ("tags", [], []),
        ("path", ["Beauty", "Makeup", "Eyes"], [("path", "eyes")]),
        ("path", ["Beauty", ""], [("path", "beauty")]),
        ("year", 1999, [("year", 1999.0)]),
        ("year", "1999.0", [("year", 1999.0)]),
        ("year", "unknown", []),
    ],
)
def test_what_an_item_counts_for(name: str, value: object, expected: list[Value]) -> None:
    assert list(capped_values({name: value}, {name: 1}, COLUMNS)) == expected


def of(answer: dict[str, Any], name: str) -> Counter[Any]:
    values = [item["attributes"][name] for item in answer["items"]]
    return Counter(each for value in values for each in (value if isinstance(value, list) else [value]))


def test_at_most_two_of_a_brand(live: Running) -> None:
    answer = live.post(history=HISTORY, k=8, diversity={"max_per": {"brand": 2}}).json()
    assert of(answer, "brand") == {"Acme": 2, "Stanley": 2, "Bolt": 2, "Orion": 2}
    assert answer["shortfall"] is None
    assert answer["applied"]["diversity"] == {"mmr": None, "max_per": {"brand": 2}, "candidates": 39}
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    whole = live.post(history=HISTORY, k=50).json()
    best: list[str] = []
    counts: Counter[str] = Counter()
    for item in whole["items"]:
        brand = item["attributes"]["brand"]
        if counts[brand] < 2:
            best.append(item["item_id"])
            counts[brand] += 1
    assert ids(answer) == best


def test_caps_that_leave_fewer_than_k_are_said(live: Running) -> None:
    answer = live.post(history=HISTORY, k=9, diversity={"max_per": {"brand": 2}}).json()
    assert len(ids(answer)) == 8
    assert answer["shortfall"] == {"requested": 9, "returned": 8, "reason": "diversity"}
    few = {"must": [{"key": "brand", "eq": "Bolt"}, {"key": "price", "lt": 10}]}
    answer = live.post(history=HISTORY, k=9, filter=few, diversity={"max_per": {"brand": 5}}).json()
    assert answer["shortfall"] == {"requested": 9, "returned": 2, "reason": "allowed"}


def test_caps_and_relevance_together(live: Running) -> None:
    answer = live.post(history=HISTORY, k=6, diversity={"mmr": 0.3, "max_per": {"genres": 4}}).json()
    assert len(ids(answer)) == 6
    assert max(of(answer, "genres").values()) <= 4


def test_relevance_alone_is_the_plain_order(live: Running) -> None:
    plain = live.post(history=HISTORY, k=10).json()
    diverse = live.post(history=HISTORY, k=10, diversity={"mmr": 1}).json()
    assert ids(diverse) == ids(plain)
    assert plain["applied"]["diversity"] is None
    other = live.post(history=HISTORY, k=10, diversity={"mmr": 0}).json()
    assert ids(other)[0] == ids(plain)[0]
    assert ids(other) != ids(plain)


def test_pages_of_a_diverse_list_repeat_nothing_and_miss_nothing(live: Running) -> None:
    found = pages(live, 4, history=HISTORY, diversity={"mmr": 0.5, "max_per": {"brand": 1}})
    shown = [item_id for page in found for item_id in ids(page)]
    assert len(shown) == len(set(shown)) == 39
    assert all(max(of(page, "brand").values()) == 1 for page in found)
    assert found[0]["shortfall"] is None


@pytest.mark.parametrize(
    ("diversity", "code", "field"),
    [
        ({}, "invalid_field", "diversity"),
        ({"mmr": None}, "invalid_field", "diversity"),
        ({"mmr": 1.1}, "limit_exceeded", "diversity.mmr"),
        ({"mmr": -0.1}, "invalid_field", "diversity.mmr"),
        ({"mmr": "0.5"}, "invalid_field", "diversity.mmr"),
        ({"mmr": True}, "invalid_field", "diversity.mmr"),
        ({"max_per": {"brand": 0}}, "invalid_field", "diversity.max_per.brand"),
        ({"max_per": {"brand": 1.5}}, "invalid_field", "diversity.max_per.brand"),
        ({"max_per": {"brnad": 1}}, "unknown_attribute", "diversity.max_per.brnad"),
        ({"max_per": {f"c{n}": 1 for n in range(9)}}, "limit_exceeded", "diversity.max_per"),
        ({"max_per": {"brand": 1}, "seed": 1}, "unknown_field", "diversity.seed"),
    ],
)
def test_diversity_that_cannot_be_meant(
    live: Running, diversity: dict[str, Any], code: str, field: str
) -> None:
    refused(live.post(history=HISTORY, diversity=diversity), 422, code, field)
