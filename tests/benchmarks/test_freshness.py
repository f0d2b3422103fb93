"""The freshness benchmark: what it calls a failure, and a short run of it on a real service with a tiny model."""

import json
from pathlib import Path

import pytest

from benchmarks.freshness import Measured, checks, main, rows
from benchmarks.freshness_bench.changes import GIVE_UP, Put, marker, new_item
from benchmarks.freshness_bench.load import Answer, returned_after
from index.catalog import Catalogue
from tests.service.world import records, write_bundle


def test_an_item_counts_as_returned_from_its_acknowledgement_on() -> None:
    answers = [
        Answer(1.0, 0.1, 200, frozenset({"a", "b"})),
        Answer(3.0, 0.1, 200, frozenset({"a"})),
        Answer(5.0, 0.1, 200, frozenset({"b", "c"})),
    ]
    assert returned_after(answers, {"a": 2.0}) == 1
    assert returned_after(answers, {"a": 3.0, "b": 6.0}) == 1
    assert returned_after(answers, {"a": 3.1, "b": 6.0}) == 0
    assert returned_after(answers, {}) == 0


def test_what_was_not_recommended_in_time_or_came_back_fails() -> None:
    good = Measured([Put(0.1, 0.2)] * 10, [Answer(0, 0.1, 200)] * 2000, [Answer(0, 0.1, 200)] * 5, 0)
    assert all(check.passed for check in checks(good, 5))
    bad = Measured(
        [Put(0.1, 0.2)] * 90 + [Put(0.1, GIVE_UP)] * 10,
        [Answer(0, 0.1, 200)] * 900 + [Answer(0, 0.1, 429)],
        [Answer(0, 0.1, 200)] * 4 + [Answer(0, 0.1, 0)],
        1,
    )
    assert [check.name for check in checks(bad, 5) if not check.passed] == [
        "recommended_p99",
        "failed_share",
        "answers_after_delete",
        "deleted_returned",
    ]
    assert [row["count"] for row in rows(bad)] == [100, 100, 901]


def test_a_new_item_is_like_another_with_a_value_of_its_own() -> None:
    catalogue = Catalogue.from_records(records())
    assert marker(catalogue) == "brand"
    body, value = new_item(catalogue, 43, "brand")
    assert value == "fresh 43"
    assert body == {
        "title": "thing 2, edition 43",
        "attributes": {"brand": "fresh 43", "genres": ["kitchen", "tools"], "price": 3.0},
    }
    assert new_item(catalogue, 9, "genres")[0]["attributes"] == {"brand": "Stanley", "genres": ["fresh 9"]}
    with pytest.raises(ValueError, match="no column"):
        marker(Catalogue.from_records([{"item_id": "a", "price": 1}]))


@pytest.mark.slow
def test_a_short_run_of_the_real_service(tmp_path: Path) -> None:
    bundles = write_bundle(tmp_path / "world")
    arguments = [
        "--bundles",
        str(bundles),
        "--puts",
        "5",
        "--rate",
        "5",
        "--requests",
        "30",
        "--out",
        str(tmp_path),
    ]
    main(arguments)
    outcome = json.loads((tmp_path / "freshness.json").read_text())
    values = {check["name"]: check["value"] for check in outcome["checks"]}
    assert values["answers_after_delete"] == 30
    assert values["deleted_returned"] == 0
    assert values["recommended_p99"] < GIVE_UP
    assert [row["key"] for row in outcome["rows"]] == ["put", "put_to_recommended", "requests_meanwhile"]
