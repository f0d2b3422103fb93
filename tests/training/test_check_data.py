"""What `check` finds in folders made to mislead, and that it stays quiet about one that does not."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.artefacts import (
    first_seen,
    natural_ranks,
    out_of_order,
    rank_correlation,
    repeats,
    step_order,
)
from training.check_data import Report, check
from training.lines import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data"
NOON = 1_700_000_000 // 86_400 * 86_400 + 43_200  # of a day in 2023

Row = tuple[str, str, float]


def write(
    folder: Path,
    rows: list[Row],
    items: list[dict[str, object]] | None = None,
    timestamp: str = "epoch_seconds",
    text: tuple[str, ...] = ("title",),
) -> Path:
    """A canonical folder; without `items` every item of the rows gets a title, in the order of the ids."""
    info = {"name": "made", "timestamp": timestamp, "text": text}
    (folder / "dataset.json").write_text(json.dumps(info))
    items = items or [{"item_id": item, "title": f"Item {item}"} for item in sorted({row[1] for row in rows})]
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    lines = [f"{user},{item},{time}\n" for user, item, time in rows]
    (folder / "interactions.csv").write_text("user_id,item_id,timestamp\n" + "".join(lines))
    return folder


def random_rows(users: int = 200, items: int = 100, length: int = 6) -> list[Row]:
    """Histories without any structure: distinct items, a day apart."""
    random = np.random.default_rng(0)
    return [
        (f"u{user}", f"i{item:03}", NOON + 86_400 * day)
        for user in range(users)
        for day, item in enumerate(random.choice(items, size=length, replace=False))
    ]


def warning(report: Report, part: str) -> str:
    """The one warning with that part."""
    (found,) = [text for text in report.warnings if part in text]
    return found


def test_data_without_artefacts_get_no_warning(tmp_path: Path) -> None:
    report = check(write(tmp_path, random_rows()))
    assert report.warnings == ()
    assert (report.users, report.items, report.interactions) == (200, 100, 1_200)


def test_sizes_lengths_and_coverage(tmp_path: Path) -> None:
    rows = [("a", item, NOON + n) for n, item in enumerate("xyzw")]
    rows += [("b", "x", NOON), ("b", "y", NOON + 1), ("c", "z", NOON)]
    items: list[dict[str, object]] = [
        {"item_id": "x", "title": "X", "brand": "B", "price": 1, "tags": ["t"]},
        {"item_id": "y", "title": " ", "brand": "", "price": 2.5, "tags": []},
        {"item_id": "z", "title": None, "brand": "C"},
        {"item_id": "w", "title": "W", "price": "3"},
        {"item_id": "v", "title": "never chosen"},
    ]
    report = check(write(tmp_path, rows, items, text=("title", "brand")))
    assert (report.users, report.items, report.interactions, report.evaluated_users) == (3, 5, 7, 1)
    lengths = report.lengths
    assert (lengths.minimum, lengths.quarter, lengths.median) == (1, 1.5, 2.0)
    assert (lengths.three_quarters, lengths.nine_tenths, lengths.maximum) == (3.0, 3.6, 4)
    assert lengths.mean == pytest.approx(7 / 3)
    assert [(a.name, a.coverage, a.types) for a in report.attributes] == [
        ("title", 0.6, ("text",)),
        ("brand", 0.4, ("text",)),
        ("price", 0.6, ("number", "text")),
        ("tags", 0.2, ("list",)),
    ]
    assert (report.items_without_title, report.items_without_text) == (2, 1)
    assert report.items_without_interactions == 1
    assert "2 items have no title" in warning(report, "title.")
    assert "1 items have no text in any of title, brand" in warning(report, "no text")
    assert "'price' mixes number and text" in warning(report, "mixes")
    assert "Only 40% of items have the attribute 'brand'" in warning(report, "'brand'")
    assert "2 of 3 users have fewer than 3 interactions" in warning(report, "fewer than 3")


def test_numbers_written_as_text_are_noticed(tmp_path: Path) -> None:
    items: list[dict[str, object]] = [
        {"item_id": "x", "title": "X", "price": "5.04", "size": "10"},
        {"item_id": "y", "title": "Y", "price": "7", "size": "10 oz"},
    ]
    report = check(write(tmp_path, [("a", "x", NOON), ("a", "y", NOON + 1), ("a", "x", NOON + 2)], items))
    assert [(a.name, a.numbers_as_text) for a in report.attributes] == [
        ("title", False),
        ("price", True),
        ("size", False),
    ]
    assert "'price' writes numbers as text" in warning(report, "numbers")


def test_duplicates_repeats_and_seen_test_items_are_told_apart(tmp_path: Path) -> None:
    rows = [
        ("a", "x", NOON),
        ("a", "x", NOON),  # a duplicate
        ("a", "y", NOON + 1),
        ("a", "x", NOON + 2),  # a repeat, and the test item
        ("b", "x", NOON),
        ("b", "y", NOON + 1),
        ("b", "z", NOON + 1),  # tied with y
        ("c", "x", NOON),
        ("c", "x", NOON + 9),  # a repeat, but c is not evaluated
    ]
    report = check(write(tmp_path, rows))
    assert report.duplicate_interactions == 1
    assert report.repeated_interactions == 2
    assert report.test_items_seen == 1
    assert report.tied_times == 2
    assert report.evaluated_users == 2
    assert "1 interactions repeat another exactly" in warning(report, "exactly")
    assert "For 50.0% of the evaluated users" in warning(report, "already in the history")
    assert "22.2% of interactions have the timestamp of an earlier one" in warning(report, "timestamp of")


def test_a_few_ties_are_counted_without_a_warning(tmp_path: Path) -> None:
    rows = random_rows()
    rows[1] = (rows[0][0], rows[1][1], rows[0][2])
    report = check(write(tmp_path, rows))
    assert report.tied_times == 1
    assert report.warnings == ()


def test_unknown_items_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    rows = [("a", "x", NOON), ("a", "q", NOON + 1), ("a", "r", NOON + 2), ("b", "q", NOON)]
    report = check(write(tmp_path, rows, [{"item_id": "x", "title": "X"}]))
    assert report.unknown is not None
    assert (report.unknown.items, report.unknown.interactions) == (2, 3)
    assert (report.unknown.first_line, report.unknown.first_id) == (3, "q")
    assert "3 interactions are with 2 items that items.jsonl does not have" in warning(report, "line 3, 'q'")


def test_a_text_field_that_no_item_has_is_named(tmp_path: Path) -> None:
    report = check(write(tmp_path, random_rows(), text=("title", "brnad")))
    assert "names 'brnad' as item text, but no item has it" in warning(report, "dataset.json")


def test_times_are_checked_only_where_they_are_times(tmp_path: Path) -> None:
    rows = [("a", "x", NOON + 5), ("b", "x", NOON), ("a", "y", NOON + 3), ("a", "z", NOON + 4)]
    report = check(write(tmp_path, rows))
    assert report.out_of_order == 1
    assert "1 interactions are older than the one before" in warning(report, "older")
    assert report.median_time == NOON + 3.5
    positions = check(write(tmp_path, rows, timestamp="position"))
    assert (positions.out_of_order, positions.median_time, positions.same_day_steps) == (None, None, None)
    assert positions.order_leak.row_by_time is None
    assert not [text for text in positions.warnings if "older" in text]


@pytest.mark.parametrize(
    ("factor", "guess"),
    [(1_000, "milliseconds: divide by 1,000"), (1e-6, "positions: say so in dataset.json")],
)
def test_times_in_another_unit_are_noticed(tmp_path: Path, factor: float, guess: str) -> None:
    rows = [(user, item, time * factor) for user, item, time in random_rows()]
    assert guess in warning(check(write(tmp_path, rows)), "do not look like seconds")


def test_ties_sorted_by_id_are_noticed_within_a_day(tmp_path: Path) -> None:
    rows = random_rows()
    by_id = sorted((user, item, NOON) for user, item, _ in rows)
    report = check(write(tmp_path, by_id))
    assert report.same_day_steps is not None
    assert (report.same_day_steps.steps, report.same_day_steps.larger) == (1_000, 1.0)
    assert "larger id in 100% of the 1,000 same-day steps" in warning(report, "larger id")
    apart = [(user, item, NOON + 86_400 * n) for n, (user, item, _) in enumerate(by_id)]
    report = check(write(tmp_path, apart))
    assert report.same_day_steps is not None
    assert (report.same_day_steps.steps, report.same_day_steps.larger) == (0, None)
    assert report.steps.larger == 1.0
    assert not [text for text in report.warnings if "larger id" in text]
    positions = check(write(tmp_path, apart, timestamp="position"))
    assert "100% of the 1,000 steps" in warning(positions, "larger id")


def test_ids_numbered_by_first_appearance_are_noticed(tmp_path: Path) -> None:
    rows = random_rows()
    numbers = {item: str(n) for n, item in enumerate(dict.fromkeys(row[1] for row in rows))}
    renamed = [(user, numbers[item], time) for user, item, time in rows]
    shuffled = np.random.default_rng(1).permutation(len(numbers))
    report = check(write(tmp_path, renamed, [{"item_id": str(n), "title": "T"} for n in shuffled]))
    assert report.order_leak.id_by_file == pytest.approx(1.0)
    assert "(rank correlation 1.00)" in warning(report, "The order of the item ids follows")
    assert not [text for text in report.warnings if text.startswith("The order of items.jsonl")]


def test_a_catalogue_in_order_of_first_appearance_is_noticed(tmp_path: Path) -> None:
    rows = random_rows()
    items: list[dict[str, object]] = [
        {"item_id": item, "title": "T"} for item in dict.fromkeys(row[1] for row in rows)
    ]
    report = check(write(tmp_path, rows, items))
    assert report.order_leak.row_by_file == pytest.approx(1.0)
    assert "(rank correlation 1.00)" in warning(report, "The order of items.jsonl follows")


def test_a_catalogue_in_order_of_first_time_is_noticed_in_any_file_order(tmp_path: Path) -> None:
    rows = [(user, item, NOON + 40 * n) for n, (user, item, _) in enumerate(random_rows())]
    items: list[dict[str, object]] = [
        {"item_id": item, "title": "T"} for item in dict.fromkeys(row[1] for row in rows)
    ]
    shuffled = [rows[n] for n in np.random.default_rng(1).permutation(len(rows))]
    report = check(write(tmp_path, shuffled, items))
    assert abs(report.order_leak.row_by_file or 0) < 0.5
    assert report.order_leak.row_by_time == pytest.approx(1.0)
    assert "(rank correlation 1.00)" in warning(report, "The order of items.jsonl follows")


def test_malformed_files_are_errors_with_file_and_line(tmp_path: Path) -> None:
    folder = write(tmp_path, random_rows())
    with (folder / "interactions.csv").open("a") as file:
        file.write("u0,i001\n")
    with pytest.raises(DataError, match=r"interactions\.csv:1202: has 2 fields"):
        check(folder)


def test_a_report_is_ready_for_json(tmp_path: Path) -> None:
    report = check(write(tmp_path, [("a", "x", NOON)]))
    as_json = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert as_json["info"] == {"name": "made", "timestamp": "epoch_seconds", "text": ["title"]}
    assert as_json["lengths"]["maximum"] == 1
    assert as_json["steps"] == {"steps": 0, "larger": None}
    assert as_json["order_leak"]["row_by_file"] is None
    assert as_json["warnings"] == list(report.warnings)


def test_ids_are_compared_as_numbers_only_if_all_are() -> None:
    assert natural_ranks(["10", "9", "100"]).tolist() == [1, 0, 2]
    assert natural_ranks(["10", "9", "x"]).tolist() == [0, 1, 2]
    assert natural_ranks([]).tolist() == []


def test_steps_between_different_items_are_counted_by_hand() -> None:
    users = np.array([0, 1, 0, 0, 1, 0])
    items = np.array([0, 2, 1, 1, 0, 3])
    times = np.array([0.0, 0.0, 10.0, 20.0, 90_000.0, 86_400.0])
    ranks = np.arange(4)
    # User 0: 0 -> 1 (same day), 1 -> 1 (no step), 1 -> 3 (next day); user 1: 2 -> 0 (next day).
    every = step_order(users, items, times, ranks, same_day=False)
    assert (every.steps, every.larger) == (3, pytest.approx(2 / 3))
    assert every.standard_error == pytest.approx(0.5 / 3**0.5)
    same_day = step_order(users, items, times, ranks, same_day=True)
    assert (same_day.steps, same_day.larger) == (1, 1.0)


def test_rank_correlation_in_closed_form() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 90]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [9, 5, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 3], [2, 1, 3]) == pytest.approx(0.5)  # 1 - 6 * 2 / (3 * 8)
    assert rank_correlation([1], [1]) is None


def test_order_and_repeats_by_hand() -> None:
    users = np.array([0, 1, 0, 1, 0, 0])
    times = np.array([5.0, 9.0, 4.0, 9.0, 5.0, 3.0])
    assert out_of_order(users, times).tolist() == [2, 5]
    assert repeats(users, times).tolist() == [3, 4]
    assert repeats(users).tolist() == [2, 3, 4, 5]
    assert repeats(users[:0]).tolist() == []
    assert first_seen(np.array([2, 0, 1, 0]), np.array([7.0, 9.0, 7.0, 1.0])).tolist() == [0, 2, 1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data sets are not on this machine")
def test_the_known_artefacts_of_the_development_data_are_found() -> None:
    beauty = check(SHARED / "beauty")
    assert beauty.items_without_title == 7
    assert beauty.repeated_interactions == 0
    assert beauty.steps.larger == pytest.approx(0.69, abs=0.005)
    assert "69% of the 176,139 steps" in warning(beauty, "larger id")
    assert [a.name for a in beauty.attributes if a.numbers_as_text] == ["price", "sales_rank"]
    scientific = check(SHARED / "scientific")
    assert scientific.steps.larger == pytest.approx(0.53, abs=0.005)
    assert scientific.test_items_seen == 50  # 0.6 % of 8,442 users
    assert len(scientific.warnings) == 1
