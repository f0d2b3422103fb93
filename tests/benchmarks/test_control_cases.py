"""Built cases: what the words say is what the filter asks, and no case is of no use."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from benchmarks.control_bench import joint, single
from benchmarks.control_bench.build import build_cases, usable
from benchmarks.control_bench.cases import Case, Expected, Relative, case_of, read_held_out
from benchmarks.control_bench.single import Draft
from benchmarks.control_bench.truth import PERCENTILE, truth
from benchmarks.control_bench.world import Value, world_of
from index.catalog import Catalogue
from tests.benchmarks.control_world import records, world
from training.data import Dataset, DatasetInfo

CASES = build_cases(world(), 12, seed=3)
STANLEY = Value("brand", "Stanley")


def drafts(make: object, count: int = 200, row: int = 1) -> list[Draft]:
    """Everything that one drawer says about an item: 1 is by Stanley, of the Kitchen, in Goods."""
    shop, rng = world(), Random(5)
    found = [make(shop, rng, row) for _ in range(count)]  # type: ignore[operator]
    return [draft for draft in found if draft is not None]


def test_as_many_cases_as_asked_for_of_each_type_and_pairs_of_c6() -> None:
    counts = Counter(case.type for case in CASES)
    assert counts == {f"C{n}": 24 if n == 6 else 12 for n in range(1, 10)}
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_same_seed_gives_the_same_cases() -> None:
    assert build_cases(world(), 3, seed=3) == build_cases(world(), 3, seed=3)
    assert build_cases(world(), 3, seed=3) != build_cases(world(), 3, seed=4)


def test_half_of_the_cases_are_true_of_the_target_and_20_unseen_items_satisfy_each() -> None:
    shop = world()
    for type_ in ("C1", "C2", "C3", "C4", "C5", "C8"):
        cases = [case for case in CASES if case.type == type_]
        masks = [truth(shop, case.expected, case.user) for case in cases]
        assert sum(mask[shop.targets[case.user]] for case, mask in zip(cases, masks, strict=True)) == 6, type_
        assert all(shop.unseen(mask, case.user).sum() >= 20 for case, mask in zip(cases, masks, strict=True))


def test_what_cannot_be_met_is_met_by_no_item() -> None:
    shop = world()
    reports: Counter[str | None] = Counter()
    for draft in drafts(joint.impossible):
        reports[draft.expected.report] += 1
        if draft.expected.filter is not None:
            assert not shop.mask(draft.expected.filter).any(), draft
        else:
            assert draft.expected.words[0] in draft.sentence
    assert set(reports) == {"contradiction", "impossible", "unknown"}


def test_a_pair_is_one_value_said_by_one_user_in_two_ways() -> None:
    pairs: dict[str | None, list[Case]] = {}
    for case in CASES:
        if case.type == "C6":
            pairs.setdefault(case.pair, []).append(case)
    assert len(pairs) == 12
    for one, other in pairs.values():
        assert one.user == other.user
        assert one.kind != other.kind
        assert one.sentence != other.sentence


def test_minimal_pairs_mean_what_they_say() -> None:
    sides = [side for n in range(200) for side in joint.minimal_pair(world(), Random(n), 1) or ()]
    said = [side for side in sides if "Stanley" in side.sentence]
    stanley = [{"key": "brand", "eq": "Stanley"}]
    meant = {
        "include": Expected(filter={"must": stanley}),
        "exclude": Expected(filter={"must_not": stanley}),
        "not only": Expected(open={"must": stanley}),
    }
    assert {side.kind for side in said} == set(meant)
    assert all(side.expected == meant[side.kind] for side in said)
    limited = {side.kind for side in said if "only" in side.sentence or "just" in side.sentence}
    assert limited == {"not only"}
    plain = {side.sentence for side in said if side.kind == "include"}
    assert plain == {"Stanley please", "I want Stanley", "show me Stanley", "something with Stanley"}


def test_includes_and_excludes_name_a_value_of_the_item() -> None:
    for make, clause in ((single.include, "must"), (single.exclude, "must_not")):
        said = drafts(make)
        assert {str(draft.expected.filter) for draft in said} == {
            str({clause: [{"key": "brand", "eq": "Stanley"}]}),
            str({clause: [{"key": "genres", "eq": "Kitchen"}]}),
        }
        for draft in said:
            assert draft.expected.filter is not None
            assert draft.expected.filter[clause][0]["eq"] in draft.sentence


def test_other_words_are_never_the_value_itself_nor_another() -> None:
    said = drafts(single.reworded, row=5)  # Stanley, Science Fiction
    assert {draft.expected.filter["must"][0]["eq"] for draft in said if draft.expected.filter} == {
        "Stanley",
        "Science Fiction",
    }
    sentences = {draft.sentence for draft in said}
    assert not any("Stanley" in sentence or "Science Fiction" in sentence for sentence in sentences)
    assert any("sci-fi" in sentence for sentence in sentences)


def test_a_part_of_a_name_is_a_long_word_of_it_alone() -> None:
    shop = world()
    assert single.part_of_name(shop, Random(0), Value("brand", "Acme Tools")) == "tools"
    assert single.part_of_name(shop, Random(0), STANLEY) == "", "a name of one word has no part"
    assert single.part_of_name(shop, Random(0), Value("genres", "Science Fiction")) == "", "no name"


def test_together_joins_two_conditions_in_each_form() -> None:
    shapes = set()
    for draft in drafts(joint.together, 400):
        assert draft.expected.filter is not None
        must, must_not = (draft.expected.filter.get(name, []) for name in ("must", "must_not"))
        shapes.add((len(must), len(must_not), "in" in must[0] if must else False))
    assert shapes == {(2, 0, False), (1, 1, False), (1, 0, True), (0, 2, False)}


def test_relative_words_name_column_and_side() -> None:
    said = {draft.expected.relative for draft in drafts(single.relative)}
    assert said == {
        Relative(column, side, of)
        for column in ("price", "year")
        for side in ("low", "high")
        for of in ("catalogue", "history")
    }
    compared = {d.sentence for d in drafts(single.relative) if d.expected.relative.of == "history"}
    assert all(" than " in sentence for sentence in compared)
    assert {bool(draft.expected.filter) for draft in drafts(single.relative)} == {True, False}


def test_a_comparison_needs_a_history_to_compare_with() -> None:
    shop = world()
    shop = replace(shop, histories=((115,), *shop.histories[1:]))  # thing 115 has no price
    draft = Draft("cheaper than usual", Expected(relative=Relative("price", "low", "history")))
    assert not usable(shop, draft, 0, None, PERCENTILE)
    assert usable(shop, draft, 1, None, PERCENTILE)


def test_a_draft_that_gives_the_target_away_is_of_no_use() -> None:
    shop = world()  # user 1 takes item 21: thing 21, by Stanley, 10.50, 1970

    def useful(sentence: str, condition: dict[str, object], satisfied: bool = True) -> bool:
        draft = Draft(sentence, Expected(filter=condition))
        return usable(shop, draft, 1, satisfied, PERCENTILE)

    assert useful("over 5", {"must": [{"key": "price", "gt": 5}]})
    assert not useful("like THING 21", {"must": [{"key": "price", "gt": 5}]}), "the title"
    assert not useful("from 10.5", {"must": [{"key": "price", "gte": 10.5}]}), "its own number"
    assert not useful("under 11", {"must": [{"key": "price", "gt": 10.2, "lt": 11}]}), "too few items"
    assert not useful("over 20", {"must": [{"key": "price", "gt": 20}]}), "not true of it"
    assert useful("over 20", {"must": [{"key": "price", "gt": 20}]}, satisfied=False)


def test_values_worth_asking_for() -> None:
    shop = world()
    brands = [Value("brand", name) for name in ("Acme Tools", "Stanley", "Bolt", "Orion")]
    genres = [Value("genres", name) for name in ("Garden", "Science Fiction", "Kitchen")]
    assert set(shop.values) == {*brands, *genres}, "Goods is in all"
    assert shop.values_of(1) == (STANLEY, Value("genres", "Kitchen"))
    assert "goods" in shop.words
    assert shop.numeric == ("price", "year")
    assert shop.categorical == ("brand",)


def test_columns_that_are_not_asked_about_stay_out() -> None:
    shop = world(asked=("genres", "price"))
    assert {value.column for value in shop.values} == {"genres"}
    assert (shop.numeric, shop.categorical) == (("price",), ("genres",))


def test_a_value_that_two_columns_know_is_ambiguous() -> None:
    doubled = [record | {"maker": record["brand"]} for record in records()]
    shop = world()
    both = type(shop)("x", Catalogue.from_records(doubled), shop.histories, shop.targets)
    assert {value.column for value in both.values} == {"genres"}


def test_a_world_is_the_test_split_in_the_rows_of_the_catalogue() -> None:
    catalogue = Catalogue.from_records([{"item_id": name, "colour": "red"} for name in ("c", "b", "a")])
    dataset = Dataset(
        info=DatasetInfo("x", "position", ("title",)),
        folder=Path(),
        items=(),
        item_ids=("a", "b", "c", "gone"),
        user_ids=("one", "two", "three"),
        histories=tuple(np.array(rows) for rows in ([0, 1, 2], [0, 1], [0, 3, 2])),
        data_hash="",
    )
    made = world_of("x", catalogue, dataset)
    assert (made.histories, made.targets) == (((2, 1),), (0,))
    with pytest.raises(ValueError, match="'size' is no column; columns are: colour"):
        world_of("x", catalogue, dataset, ("size",))


def test_a_line_becomes_a_case(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    relative = {"key": "price", "side": "low", "of": "history"}
    lines = [
        {"id": "a", "type": "C8", "sentence": "cheap", "expected": {"relative": relative}},
        {
            "id": "b",
            "type": "C6",
            "sentence": "x",
            "expected": {"open": {"must": []}},
            "pair": "p",
            "kind": "not only",
        },
        {"id": "c", "type": "C7", "sentence": "y", "expected": {"report": "unknown", "words": ["y"]}},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert read_held_out(path) == (
        Case("a", "C8", "cheap", Expected(relative=Relative("price", "low", "history"))),
        Case("b", "C6", "x", Expected(open={"must": []}), pair="p", kind="not only"),
        Case("c", "C7", "y", Expected(report="unknown", words=("y",))),
    )
    with pytest.raises(TypeError):
        case_of({"id": "d", "type": "C1", "sentence": "", "expected": {"wish": {}}})


def test_numbers_are_rounded_as_people_do() -> None:
    assert single.round_number("price", 12.34) == 12
    assert single.round_number("price", 0.2) == 1
    assert single.round_number("price", 43.0) == 45
    assert single.round_number("runtime", 113) == 115
    assert single.round_number("year", 1994.4) == 1994
    assert single.round_number("rating", 3.14159) == 3.1
