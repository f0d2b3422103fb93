"""Judging answers: every measure on answers whose worth is known."""

from math import log2
from typing import Any

import numpy as np
import pytest

from benchmarks.control_bench.cases import Case, Expected, Relative
from benchmarks.control_bench.metrics import (
    Judgement,
    averages,
    is_exact,
    is_open,
    is_reported,
    judge,
    ndcg,
    overlap,
    pairs_right,
    share,
)
from benchmarks.control_bench.service import Answer, AnswerError, answer_of
from benchmarks.control_bench.truth import oracle_filter, threshold, truth
from tests.benchmarks.control_world import world

PLAIN = Answer(rows=tuple(range(100, 110)), allowed=118)
STANLEY = {"must": [{"key": "brand", "eq": "Stanley"}]}  # items 1, 5, 9, ...: 30 of them


def case(type_: str, user: int = 1, **expected: Any) -> Case:
    return Case("x", type_, "a sentence", Expected(**expected), user)


def test_share_counts_what_did_not_come_against_the_answer() -> None:
    mask = np.array([True, True, False, False])
    assert share(mask, (0, 2), 2) == 0.5
    assert share(mask, (0,), 2) == 0.5
    assert share(mask, (0, 1, 2), 2) == 1.0
    assert share(mask, (), 0) == 1.0


def test_ndcg_of_one_right_item() -> None:
    assert ndcg((7, 8, 9), 7) == 1.0
    assert ndcg((7, 8, 9), 9) == 1 / log2(4)
    assert ndcg((7, 8, 9), 1) == 0.0
    assert ndcg(tuple(range(11)), 10) == 0.0


def test_overlap_ignores_order() -> None:
    assert overlap((3, 2, 1), (1, 2, 3)) == 1.0
    assert overlap((1, 2, 4, 5), (1, 2, 3, 6)) == 0.5
    assert overlap((), ()) == 0.0


def test_an_include_is_judged_by_items_and_target() -> None:
    shop = world()
    rows = (5, 9, 21, 0, 2, 25, 29, 33, 37, 41)  # eight of Stanley; user 1's target 21 stands third
    found = judge(shop, case("C1", filter=STANLEY), Answer(rows, allowed=29), PLAIN)
    assert found.satisfied == 0.8
    assert found.violations == pytest.approx(0.2)
    assert found.all_satisfy == 0.0
    assert found.ndcg == 1 / log2(4)
    assert found.right is None
    assert found.alarm == 0.0


def test_a_target_that_does_not_satisfy_has_no_ndcg() -> None:
    found = judge(world(), case("C1", user=2, filter=STANLEY), Answer((5, 9), allowed=30), PLAIN)
    assert found.ndcg is None
    assert found.satisfied == 0.2
    assert found.violations == 0.0


def test_an_empty_answer_violates_nothing_and_satisfies_nothing() -> None:
    found = judge(world(), case("C2", filter=STANLEY), Answer((), short=True), PLAIN)
    assert (found.satisfied, found.violations, found.alarm) == (0.0, 0.0, 1.0)


def test_a_contradiction_reported_where_there_is_none_is_an_alarm() -> None:
    answer = Answer((5,), allowed=30, contradictions=("Stanley and not Stanley",))
    assert judge(world(), case("C1", filter=STANLEY), answer, PLAIN).alarm == 1.0


def test_exact_means_the_same_attributes_and_as_many_items() -> None:
    wanted = Expected(
        filter={"must": [{"key": "price", "lt": 5}], "must_not": [{"key": "brand", "eq": "Bolt"}]}
    )
    both = frozenset({"price", "brand"})
    assert is_exact(wanted, Answer((), allowed=7, filtered=both), left=7)
    assert not is_exact(wanted, Answer((), allowed=8, filtered=both), left=7)
    assert not is_exact(wanted, Answer((), allowed=7, filtered=frozenset({"price"})), left=7)
    cheap = Expected(relative=Relative("price", "low"))
    assert is_exact(cheap, Answer((), allowed=7, filtered=frozenset({"price"})), left=7)


def test_not_only_filters_nothing_and_gives_others_too() -> None:
    named = np.array([True] * 5 + [False] * 5)
    plain = Answer((0, 6), allowed=10)
    assert is_open(named, Answer((0, 7), allowed=10), plain)
    assert not is_open(named, Answer((0, 7), allowed=5), plain)
    assert not is_open(named, Answer((0, 1), allowed=10), plain)
    assert is_open(named, Answer((0, 1), allowed=10), Answer((2, 3), allowed=10))


def test_what_cannot_be_met_is_reported_by_contradiction_or_by_an_empty_answer() -> None:
    impossible = Expected(filter={"must": [{"key": "price", "gt": 900}]}, report="impossible")
    assert is_reported(impossible, Answer((1,), contradictions=("no item costs more than 900",)))
    assert is_reported(impossible, Answer((), short=True))
    assert not is_reported(impossible, Answer((1,), short=True))
    assert not is_reported(impossible, Answer((1, 2)))


def test_an_unknown_value_is_reported_by_its_name_alone() -> None:
    unknown = Expected(report="unknown", words=("Zorblax",))
    assert is_reported(unknown, Answer((1,), ignored=("brand ZORBLAX",)))
    assert is_reported(unknown, Answer((1,), contradictions=("no brand is called zorblax",)))
    assert not is_reported(unknown, Answer((1,), ignored=("please",)))
    assert not is_reported(unknown, Answer((), short=True))


def test_a_silent_violation_returns_items_and_says_nothing() -> None:
    unknown = case("C7", report="unknown", words=("Zorblax",))
    silent = judge(world(), unknown, Answer((1, 2)), PLAIN)
    assert (silent.reported, silent.silent, silent.alarm) == (0.0, 1.0, None)
    said = judge(world(), unknown, Answer((1, 2), ignored=("Zorblax",)), PLAIN)
    assert (said.reported, said.silent) == (1.0, 0.0)


def test_an_irrelevant_sentence_is_judged_by_overlap() -> None:
    found = judge(world(), case("C9", unchanged=True), Answer((100, 101, 5)), PLAIN)
    assert found == Judgement(alarm=0.0, overlap=0.2)


def test_a_pair_is_right_if_both_sides_are() -> None:
    def side(pair: str, user: int, right: float | None) -> tuple[Case, Judgement]:
        return Case("x", "C6", "", Expected(), user, pair), Judgement(right=right)

    judged = [side("a", 1, 1.0), side("a", 1, 1.0), side("a", 2, 1.0), side("a", 2, 0.0), side("b", 1, 1.0)]
    assert pairs_right(judged) == 0.5
    assert pairs_right([side("a", 1, None)]) is None


def test_each_side_of_a_pair_is_right_if_all_ten_are() -> None:
    stanley = tuple(range(5, 45, 4))  # 10 items
    assert judge(world(), case("C6", filter=STANLEY), Answer(stanley), PLAIN).right == 1.0
    assert judge(world(), case("C6", filter=STANLEY), Answer((*stanley[:9], 0)), PLAIN).right == 0.0
    assert judge(world(), case("C6", open=STANLEY), Answer((0, 1), allowed=118), PLAIN).right == 1.0


def test_averages_leave_out_what_does_not_apply() -> None:
    judged = [Judgement(satisfied=1.0, ndcg=0.5), Judgement(satisfied=0.0)]
    assert averages(judged) == {"satisfied": 0.5, "ndcg": 0.5}


def test_relative_words_are_percentiles_of_what_the_filter_leaves() -> None:
    shop = world()
    prices = [n / 2 for n in range(110)]
    assert threshold(shop, Relative("price", "low"), None, 0, 30) == pytest.approx(np.percentile(prices, 30))
    stanley = [n / 2 for n in range(1, 110, 4)]
    high = threshold(shop, Relative("price", "high"), STANLEY, 0, 30)
    assert high == pytest.approx(np.percentile(stanley, 70))
    expected = Expected(filter=STANLEY, relative=Relative("price", "high"))
    assert oracle_filter(shop, expected, 0, 30) == {"must": [{"key": "price", "gte": high}, STANLEY]}
    assert truth(shop, expected, 0, 30).nonzero()[0].tolist() == [
        n for n in range(1, 110, 4) if n / 2 >= high
    ]


def test_against_a_history_the_median_decides() -> None:
    shop = world()  # user 3 has seen items 3 and 13, which cost 1.5 and 6.5
    cheaper = Expected(relative=Relative("price", "low", "history"))
    assert oracle_filter(shop, cheaper, 3) == {"must": [{"key": "price", "lte": 4.0}]}


def test_a_history_without_numbers_cannot_be_compared_with() -> None:
    shop = world()
    unpriced = type(shop)(shop.name, shop.catalogue, ((110, 111),), (5,))
    with pytest.raises(ValueError, match="'price'"):
        threshold(unpriced, Relative("price", "low", "history"), None, 0)


def test_without_a_condition_every_item_satisfies() -> None:
    assert truth(world(), Expected(unchanged=True), 0).all()


def response(**constraint: object) -> dict[str, Any]:
    told = {"understood": [], "as_text": "", "ignored": [], "contradictions": []} | constraint
    return {
        "items": [{"item_id": "i7"}, {"item_id": "i3"}],
        "applied": {"constraint": told},
        "search": {"allowed": 42},
        "shortfall": None,
    }


def test_a_response_is_read_as_rows_and_what_it_says() -> None:
    understood = [{"attribute": "price", "hard": True}, {"attribute": "genres", "hard": False}]
    told = response(understood=understood, ignored=["please"], contradictions=[{"words": "a b"}])
    assert answer_of(told, world().catalogue) == Answer(
        rows=(7, 3),
        allowed=42,
        filtered=frozenset({"price"}),
        contradictions=('{"words": "a b"}',),
        ignored=("please",),
        short=False,
    )
    assert answer_of(response() | {"shortfall": {"requested": 10, "returned": 2}}, world().catalogue).short


def test_an_item_that_the_catalogue_does_not_have_is_an_error() -> None:
    with pytest.raises(AnswerError, match="does not have"):
        answer_of(response() | {"items": [{"item_id": "stranger"}]}, world().catalogue)
