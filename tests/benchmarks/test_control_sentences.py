"""The held-out sentences: enough of each type, written in the filter grammar, and the catalogues can meet them.

The films are always checked; the beauty catalogue is no part of the project and is checked where it lies.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from index.catalog import Catalogue
from index.columns import ColumnKind
from index.filters import compile_mask, parse_filter

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = ROOT / "benchmarks" / "control_sentences"
CATALOGUES = {
    "films": ROOT / "demo" / "films.jsonl",
    "beauty": ROOT.parent / "shared" / "data" / "beauty" / "items.jsonl",
}
TYPES = [f"C{n}" for n in range(1, 10)]
FIELDS = {
    **{f"C{n}": {"filter"} for n in range(1, 6)},
    "C6": {"filter", "open"},
    "C7": {"report", "filter", "words"},
    "C8": {"relative", "filter"},
    "C9": {"unchanged"},
}

pytestmark = pytest.mark.parametrize("name", list(CATALOGUES))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def lines(name: str) -> list[dict[str, Any]]:
    return read(SENTENCES / f"{name}.jsonl")


@cache
def catalogue_of(name: str) -> Catalogue:
    if not CATALOGUES[name].is_file():
        pytest.skip(f"the {name} catalogue is not here")
    return Catalogue.from_records(read(CATALOGUES[name]))


def feasible(condition: dict[str, Any], catalogue: Catalogue) -> int:
    return int(compile_mask(parse_filter(condition, catalogue.columns), catalogue).sum())


def test_at_least_130_different_sentences_and_13_of_each_type(name: str) -> None:
    found = lines(name)
    counts = Counter(line["type"] for line in found)
    assert len({line["id"] for line in found}) == len({line["sentence"].casefold() for line in found})
    assert len(found) >= 130
    assert sorted(counts) == TYPES
    assert min(counts.values()) >= 13


def test_every_expectation_has_the_fields_of_its_type(name: str) -> None:
    for line in lines(name):
        assert set(line["expected"]) <= FIELDS[line["type"]], line["id"]
        assert line["expected"], line["id"]


def test_minimal_pairs_are_two_different_kinds(name: str) -> None:
    kinds: dict[str, list[str]] = {}
    for line in lines(name):
        if line["type"] == "C6":
            kinds.setdefault(line["pair"], []).append(line["kind"])
            assert ("open" in line["expected"]) == (line["kind"] == "not only"), line["id"]
    assert len(kinds) >= 13
    assert {tuple(sorted(pair)) for pair in kinds.values()} == {
        ("exclude", "include"),
        ("include", "not only"),
        ("exclude", "not only"),
    }


def test_what_can_be_met_leaves_at_least_20_items(name: str) -> None:
    catalogue = catalogue_of(name)
    for line in lines(name):
        condition = line["expected"].get("filter", line["expected"].get("open"))
        if condition is None or line["type"] == "C7":
            continue
        least = 1 if "open" in line["expected"] else 20
        assert feasible(condition, catalogue) >= least, line["id"]


def test_what_cannot_be_met_leaves_none(name: str) -> None:
    catalogue = catalogue_of(name)
    values = " ".join(
        value for column in catalogue.columns for value in _values(catalogue, column)
    ).casefold()
    for line in lines(name):
        if line["type"] == "C7":
            assert line["expected"]["report"] in ("contradiction", "impossible", "unknown"), line["id"]
            if line["expected"]["report"] == "unknown":
                assert not any(word.casefold() in values for word in line["expected"]["words"]), line["id"]
            else:
                assert feasible(line["expected"]["filter"], catalogue) == 0, line["id"]


def test_relative_sentences_name_a_number_and_a_side(name: str) -> None:
    catalogue = catalogue_of(name)
    for line in lines(name):
        if line["type"] == "C8":
            relative = line["expected"]["relative"]
            assert catalogue.columns[relative["key"]].kind is ColumnKind.NUMERIC, line["id"]
            assert relative["side"] in ("low", "high"), line["id"]
            assert relative["of"] in ("catalogue", "history"), line["id"]


def _values(catalogue: Catalogue, column: str) -> tuple[str, ...]:
    if catalogue.columns[column].kind in (ColumnKind.NUMERIC, ColumnKind.TEXT):
        return ()
    return catalogue.terms(column).values
