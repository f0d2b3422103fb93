"""Masks of understood sentences on small catalogues, by hand; steering in closed form."""

import numpy as np
import pytest

from index.catalog import Catalogue
from index.neighbours import Boosts
from service.constraints import Vocabulary, parse
from service.constraints.obey import Obeyed, obey
from service.constraints.steering import Steering, add_boosts, steer
from service.constraints.types import Clause, Constraint, Leaning
from tests.service.constraints.catalogues import shown

#  row      0         1         2         3          4         5
BRANDS = ["Acme", "Acme", "Bolt", "Bolt", None, "Orion"]
TAGS = [["red"], ["red", "big"], ["big"], [], ["red"], ["old", "big"]]
PRICES = [10, 20, 30, None, 50, 60]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.from_records(
        {"item_id": f"i{n}", "title": f"t{n}", "brand": BRANDS[n], "tags": TAGS[n], "price": PRICES[n]}
        for n in range(6)
    )


def obeyed(
    sentence: str, catalogue: Catalogue, own: list[bool] | None = None, history: tuple[int, ...] = ()
) -> Obeyed:
    mask = None if own is None else np.array(own)
    return obey(parse(sentence, Vocabulary(catalogue)), catalogue, True, mask, history)


@pytest.mark.parametrize(
    ("sentence", "rows", "missing"),
    [
        ("only Acme", [0, 1], {"brand": 1}),
        ("no Acme", [2, 3, 5], {"brand": 1}),  # row 4 may be of Acme
        ("red and big", [1], {"tags": 1}),
        ("red or big", [0, 1, 2, 4, 5], {"tags": 1}),
        ("Acme or Bolt, no red", [2], {"brand": 1, "tags": 1}),
        ("under $30", [0, 1], {"price": 1}),
        ("at most $30", [0, 1, 2], {"price": 1}),
        ("not under $30", [2, 4, 5], {"price": 1}),
        ("not between $20 and $50", [0, 5], {"price": 1}),
        ("either Orion or red", [0, 1, 4, 5], {}),
        ("no big Acme", [0, 2, 5], {"tags": 1, "brand": 1}),
    ],
)
def test_what_is_left(sentence: str, rows: list[int], missing: dict[str, int], catalogue: Catalogue) -> None:
    found = obeyed(sentence, catalogue)
    assert found.mask is not None
    assert np.flatnonzero(found.mask).tolist() == rows
    assert found.missing == missing
    assert found.contradictions == ()


def test_relative_words_look_at_what_else_is_allowed(catalogue: Catalogue) -> None:
    assert bound(obeyed("cheap", catalogue)) == 20  # of 10, 20, 30, 50, 60
    assert bound(obeyed("cheap Acme", catalogue)) == 12.5  # of 10, 20
    assert bound(obeyed("cheap", catalogue, [False, False, True, True, True, True])) == 40  # of 30, 50, 60
    assert bound(obeyed("not too expensive", catalogue)) == 50
    assert bound(obeyed("the most expensive", catalogue)) == 56


def test_comparatives_look_at_the_history_where_it_has_numbers(catalogue: Catalogue) -> None:
    assert bound(obeyed("cheaper than usual", catalogue, history=(4, 5))) == 55
    assert bound(obeyed("cheaper than usual", catalogue, history=(3,))) == 20  # no number: what "cheap" is
    assert bound(obeyed("cheap", catalogue)) == 20


def test_a_comparative_alone_is_the_plain_word_and_beyond_ones_own(catalogue: Catalogue) -> None:
    assert bound(obeyed("cheaper", catalogue, history=(4, 5))) == 20
    assert bound(obeyed("cheaper", catalogue, history=(0,))) == 10


def test_not_expensive_is_cheap_and_nothing_too_expensive_is_not_dear(catalogue: Catalogue) -> None:
    assert shown_clauses(obeyed("not expensive", catalogue)) == ["price<=20"]
    assert shown_clauses(obeyed("not too expensive", catalogue)) == ["price<50"]


def shown_clauses(found: Obeyed) -> list[str]:
    return [shown_parts(clause) for clause, _ in found.clauses]


def bound(found: Obeyed) -> float:
    """The only bound among the clauses."""
    texts = [shown_clause for clause, _ in found.clauses if "price" in (shown_clause := shown_parts(clause))]
    [text] = texts
    return float(text.lstrip("price<=>"))


def shown_parts(clause: Clause) -> str:
    return shown(Constraint(clauses=(clause,)))


def test_doubtful_and_hedged_parts_do_not_filter(catalogue: Catalogue) -> None:
    assert obeyed("preferably Acme", catalogue).mask is None
    strict = obeyed("preferably Acme, under $30", catalogue)
    assert [filters for _, filters in strict.clauses] == [False, True]


@pytest.mark.parametrize(
    ("sentence", "kinds"),
    [
        ("Acme but no Acme", ["contradiction"]),
        ("over $40 and under $20", ["contradiction"]),
        ("over $20 and at most $20", ["contradiction"]),
        ("at least $20 and at most $20", []),
        ("over $100", ["impossible"]),
        ("Orion under $20", ["impossible"]),
        ("both Acme and Bolt", ["contradiction"]),
        ("red and old", ["impossible"]),
        ("Acme or Bolt but no Bolt", []),
    ],
)
def test_contradictions(sentence: str, kinds: list[str], catalogue: Catalogue) -> None:
    found = obeyed(sentence, catalogue)
    assert [each.kind for each in found.contradictions] == kinds
    assert (found.mask is not None and bool(found.mask.any())) is (not kinds)


def test_a_conflict_with_the_requests_own_conditions(catalogue: Catalogue) -> None:
    found = obeyed("Acme", catalogue, [False, False, True, True, True, True])
    assert [each.kind for each in found.contradictions] == ["conflicts_with_filter"]


def steered(sentence: str, catalogue: Catalogue) -> Steering:
    constraint = parse(sentence, Vocabulary(catalogue))
    found = obey(constraint, catalogue, False, None)
    steering = steer([clause for clause, _ in found.clauses], constraint.leanings, catalogue, None)
    assert steering is not None
    return steering


def test_steering_towards_and_away(catalogue: Catalogue) -> None:
    towards = steered("Acme", catalogue)
    assert (towards.values.tolist(), towards.shift) == ([1, 1, 0, 0, 0, 0], 0)
    away = steered("no Acme", catalogue)
    assert (away.values.tolist(), away.shift) == ([0, 0, 1, 1, 1, 1], 1)
    both = steered("red, no Acme", catalogue)
    assert (both.values - both.shift).tolist() == [0, 0, 0, 0, 1, 0]


def test_steering_by_a_range_falls_with_the_items_in_between(catalogue: Catalogue) -> None:
    """One item of five is a share of 0.2: closeness 1 - 4 * 0.2 = 0.2, halved for what lies outside."""
    assert steered("at most $20", catalogue).values.tolist() == pytest.approx([1, 1, 0.1, 0, 0, 0])
    assert steered("not between $20 and $50", catalogue).shift == 1


def test_leanings_weigh_half(catalogue: Catalogue) -> None:
    steering = steer(
        (), (Leaning("x", True, (("brand", "Bolt", 1.0), ("tags", "old", 0.5))),), catalogue, None
    )
    assert steering is not None
    assert steering.values.tolist() == [0, 0, 0.5, 0.5, 0, 0.25]


def test_boosts_of_both_kinds_add_up() -> None:
    steering = Steering(np.array([1, 0, 0, 2], np.float32), 0.0)
    rows, values = add_boosts(Boosts(np.array([1, 3]), np.array([5, 5], np.float32)), steering, 3.0)
    assert (rows.tolist(), values.tolist()) == ([0, 1, 3], [3, 5, 11])
    assert (rows.dtype, values.dtype) == (np.int64, np.float32)


def test_nothing_asked_is_nothing_done(catalogue: Catalogue) -> None:
    found = obeyed("happy Monday", catalogue)
    assert (found.clauses, found.mask, found.contradictions, found.missing) == ((), None, (), {})
    assert steer((), (), catalogue, None) is None
