"""Parts of a sentence that the client switches off or makes soft."""

from dataclasses import replace
from typing import Any

import pytest

from service.constraints.overrides import override
from service.constraints.types import (
    Bounds,
    Clause,
    Constraint,
    Contradiction,
    Leaning,
    Override,
    Part,
    Together,
    Values,
)
from tests.service.test_constraints import answer, understood
from tests.service.world import Running

CHEAP = Bounds("price", "under $20", 0.95, lt=20.0)
ACME = Values("brand", ("Acme",), "Acme", 0.97)
BOLT = Values("brand", ("Bolt",), "Bolt", 0.97, include=False)
TOOLS = Values("genres", ("tools",), "tools", 0.97)


def changed(clauses: tuple[Clause, ...], *overrides: tuple[str, Any], **fields: Any) -> Constraint:
    constraint = Constraint("whole sentence", clauses, **fields)
    return override(replace(constraint, overrides=tuple(Override(*each) for each in overrides)))


def test_without_overrides_nothing_changes() -> None:
    constraint = Constraint("under $20", ((CHEAP,),), as_text="x")
    assert override(constraint) is constraint


def test_a_part_that_is_off_goes_and_takes_its_clause_along_if_nothing_else_is_in_it() -> None:
    assert changed(((CHEAP,), (ACME, TOOLS)), ("UNDER $20", "off"), ("Acme", "off")).clauses == ((TOOLS,),)


def test_a_soft_part_makes_its_clause_soft() -> None:
    got = changed(((CHEAP,), (BOLT,)), ("Bolt", "soft"))
    assert got.clauses == ((CHEAP,), (replace(BOLT, soft=True),))
    assert got.sentence == "whole sentence"


def test_parts_that_are_denied_together_are_named_one_by_one() -> None:
    both: Part = Together((CHEAP, TOOLS))
    assert changed(((both,),), ("tools", "off")).clauses == ((Together((CHEAP,)),),)
    assert changed(((both,),), ("tools", "off"), ("under $20", "off")).clauses == ()
    soft = Together((replace(CHEAP, soft=True), replace(TOOLS, soft=True)))
    assert changed(((both,),), ("tools", "soft")).clauses == ((soft,),)


def test_what_is_off_is_not_said_in_the_prompt_either() -> None:
    got = changed(
        ((CHEAP,), (BOLT,), (TOOLS,)),
        ("something cosy", "off"),
        ("tools", "off"),
        ("gold", "off"),
        leanings=(Leaning("something cosy", True, ()), Leaning("loud", False, ())),
        as_text="something cosy, quiet",
        not_only=(TOOLS, ACME),
        contradictions=(
            Contradiction("unknown_value", "None is gold.", "gold"),
            Contradiction("x", "y", "z"),
        ),
    )
    assert got.as_text == "quiet"
    assert [leaning.text for leaning in got.leanings] == ["loud"]
    assert got.not_only == (ACME,)
    assert [each.words for each in got.contradictions] == ["z"]
    assert got.sentence == "under $20, no Bolt, no loud"


def test_a_part_that_is_off_neither_filters_nor_is_said_to_be_understood(live: Running) -> None:
    whole = answer(live, "under $20, nothing from Stanley")
    less = answer(
        live, "under $20, nothing from Stanley", constraint_parts=[{"words": "Stanley", "treat": "off"}]
    )
    assert understood(less) == [("price", "lt", 20.0, True)]
    assert less["search"]["allowed"] > whole["search"]["allowed"]
    assert "Stanley" in {item["attributes"]["brand"] for item in less["items"]}


def test_a_part_made_soft_steers(live: Running) -> None:
    got = answer(live, "under $20, only Acme", constraint_parts=[{"words": "Acme", "treat": "soft"}])
    assert understood(got) == [("price", "lt", 20.0, True), ("brand", "eq", "Acme", False)]
    assert [part["excludes"] for part in got["applied"]["constraint"]["understood"]] == [27, None]
    assert got["items"][0]["attributes"]["brand"] == "Acme"
    assert {item["attributes"]["brand"] for item in got["items"]} > {"Acme"}


def test_in_soft_mode_the_prompt_has_what_is_left(live: Running) -> None:
    got = answer(
        live,
        "under $20, nothing from Stanley",
        constraint_mode="soft",
        constraint_parts=[{"words": "under $20", "treat": "off"}],
    )
    assert got["applied"]["constraint"]["as_text"] == "no Stanley"


@pytest.mark.parametrize(
    ("part", "field", "code"),
    [
        ({"words": "gold", "treat": "off"}, "constraint_parts[0].words", "invalid_field"),
        ({"words": "", "treat": "off"}, "constraint_parts[0].words", "invalid_field"),
        ({"words": "Acme", "treat": "hard"}, "constraint_parts[0].treat", "invalid_field"),
        ({"words": "Acme", "treat": "off", "why": 1}, "constraint_parts[0].why", "unknown_field"),
    ],
)
def test_a_part_that_the_sentence_does_not_have_is_refused(
    live: Running, part: dict[str, Any], field: str, code: str
) -> None:
    response = live.post(constraint="only Acme", constraint_parts=[part])
    assert response.status_code == 422
    assert (response.json()["field"], response.json()["code"]) == (field, code)


def test_the_words_of_every_part_are_words_of_the_sentence(live: Running) -> None:
    sentence = "Acme or Bolt, at most 30 dollars but not garden tools, the cheapest, no Stanley"
    parts = answer(live, sentence)["applied"]["constraint"]["understood"]
    off = [{"words": part["words"], "treat": "off"} for part in parts]
    assert len(off) >= 4
    assert answer(live, sentence, constraint_parts=off)["applied"]["constraint"]["understood"] == []
