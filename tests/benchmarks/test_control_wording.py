"""Conditions in words: units, slips of the pen, other spellings."""

from random import Random

from benchmarks.control_bench import wording
from benchmarks.control_bench.phrases import Flavour


def test_numbers_are_said_in_the_units_of_their_column() -> None:
    def said(column: str, low: float, high: float, operator: str) -> set[str]:
        return {wording.say_range(Random(n), column, low, high, operator).phrase for n in range(60)}

    assert said("price", 5, 5, "lt") == {
        "under $5",
        "less than 5 dollars",
        "below 5 bucks",
        "cheaper than $5",
    }
    assert said("year", 1990, 1999, "between") >= {"from the 1990s", "from the 90s", "between 1990 and 1999"}
    assert "from the 20s" not in said("year", 2020, 2029, "between")
    assert said("runtime", 90, 90, "gte") >= {
        "at least an hour and a half",
        "1.5 hours or more",
        "at least 90 min",
    }
    assert said("runtime", 120, 120, "lt") >= {"under two hours", "under 2h", "under 120 minutes"}
    assert said("runtime", 150, 150, "gt") >= {"over 2.5 hours"}
    assert said("sales_rank", 5000000, 5000000, "lte") >= {"sales rank at most 5000000"}


def test_bounds_are_the_condition_that_was_said() -> None:
    assert wording.say_range(Random(0), "price", 5, 5, "gt").condition == {"key": "price", "gt": 5}
    assert wording.say_range(Random(0), "price", 5, 9, "between").condition == {
        "key": "price",
        "gte": 5,
        "lte": 9,
    }


def test_columns_are_taken_for_what_their_names_say() -> None:
    assert [wording.flavour(name) for name in ("Price_USD", "year", "runtime", "rating")] == [
        Flavour.MONEY,
        Flavour.YEARS,
        Flavour.MINUTES,
        Flavour.NUMBER,
    ]


def test_a_slip_of_the_pen_changes_one_long_word() -> None:
    slips = {wording.misspell(Random(n), "Sally Hansen") for n in range(300)} - {""}
    assert {"Saly Hansen", "Sallly Hansen", "Slaly Hansen", "Sally Hasnen"} <= slips
    assert "Sally Hansen" not in slips
    assert all(slip[0] == "S" and " H" in slip for slip in slips)
    assert wording.misspell(Random(0), "OPI & co") == ""


def test_other_spellings() -> None:
    spelt = {wording.other_spelling(Random(n), "Women's Oils & Serums") for n in range(60)}
    assert spelt == {
        "Womens-Oils-Serums",
        "WomensOilsSerums",
        "Women's Oils and Serums",
        "Womens Oils Serums",
    }
    assert wording.other_spelling(Random(0), "Stanley") == ""
