"""Tables of accuracy and control, in README and the explanation, are those of benchmarks/results."""

import json
import re
from typing import Any

import pytest

from tests.docs.blocks import ROOT

CARD = (ROOT / "docs/model_card.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
METHOD = (ROOT / "docs/explanation/method.md").read_text("utf-8")
KINDS = {  # of cases: the row of the table, and the figure that it shows
    "C1": ("include", "satisfied"),
    "C2": ("exclude (violations)", "violations"),
    "C3": ("range", "satisfied"),
    "C4": ("several conditions", "satisfied"),
    "C5": ("paraphrased, misspelt, unseen", "satisfied"),
    "C6": ('"X", "not X", "not only X" (pairs right)', "pairs"),
    "C7": ("contradictory, impossible (reported)", "reported"),
    "C8": ("relative: cheap, short, old", "satisfied"),
    "C9": ("irrelevant (same first ten)", "overlap"),
}


def result(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text("utf-8"))
    return loaded


def short(value: float, digits: int) -> str:
    """.1580 for 0.158019."""
    return f"{value:.{digits}f}".removeprefix("0")


def cells(page: str, name: str) -> list[str]:
    """The cells of the table row of that name."""
    row = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", page, re.MULTILINE)
    assert row is not None, f"no row {name}"
    return [cell.strip() for cell in row[1].split("|")]


HEADLINE = next(part for part in result("accuracy")["rows"] if part["key"] == "headline/scientific/mean")[
    "rows"
]


@pytest.mark.parametrize("row", HEADLINE, ids=lambda row: str(row["name"]))
def test_accuracy_is_that_of_the_last_measurement(row: dict[str, Any]) -> None:
    measured = [row[how][what] for how in ("served", "unmasked") for what in ("recall", "ndcg", "mrr")]
    assert cells(README, row["name"]) == [short(value, 4) for value in measured]


BEAUTY = next(part for part in result("accuracy")["rows"] if part["key"] == "headline/beauty/mean")


def test_accuracy_on_the_second_data_set_is_that_of_the_last_measurement() -> None:
    measured = {row["name"]: row["served"] for row in BEAUTY["rows"]}
    shown = re.findall(r"^\| Beauty: (.*?) \|", README, re.MULTILINE)
    assert "Laser (best configuration, fused)" in shown
    assert "simple sum" in shown
    for name in shown:
        wanted = [short(measured[name][what], 4) for what in ("recall", "ndcg")]
        assert cells(README, f"Beauty: {name}") == wanted
    above = {pair["against"]: pair["ndcg"] for pair in BEAUTY["comparisons"] if "fused" in pair["name"]}
    for name in ("simple sum", "EASE with text (Laser's neighbours)"):
        figures = [short(above[name][end], 4) for end in ("mean", "low", "high")]
        text = r"by {}\s+(NDCG@10\s+)?\(\[{}, {}\]".format(*map(re.escape, figures))
        assert re.search(text, README), figures


def test_the_method_quotes_the_same_accuracy() -> None:
    names = {
        "Laser, fused, as served": "Laser (best configuration, fused)",
        "simple sum of six scorers and popularity": "simple sum",
        "EASE with text, Laser's neighbours by themselves": "EASE with text (Laser's neighbours)",
        **{name: name for name in ("SASRec", "Laser alone, zero-shot", "Laser alone")},
    }
    measured = {row["name"]: short(row["served"]["ndcg"], 4) for row in HEADLINE}
    assert {name: cells(METHOD, name) for name in names} == {
        name: [measured[source]] for name, source in names.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_control_is_that_of_the_last_measurement_and_of_the_first(kind: str) -> None:
    name, what = KINDS[kind]
    wanted = []
    for data in ("films", "beauty"):
        rows = result("control")["rows"]
        first = result(f"control_first_run_{data}")["rows"]
        for found, chosen in (
            (rows, ("built", "laser")),
            (rows, ("held-out", "laser")),
            (first, ("held-out", "laser")),
            (rows, ("held-out", "keyword filter")),
        ):
            fitting = (
                row
                for row in found
                if (row["data"], row["type"], row["set"], row["system"]) == (data, kind, *chosen)
            )
            row = next(fitting, {})  # what cannot be said of a keyword filter is an empty cell
            wanted.append(short(row[what], 3) if what in row else "")
    assert cells(README, name) == wanted


def test_the_model_card_quotes_the_same_control_of_films() -> None:
    def of(run: str, chosen: str, *wanted: tuple[str, str]) -> list[float]:
        rows = result(run)["rows"]
        return [
            row[what]
            for kind, what in wanted
            for row in rows
            if (row["data"], row["type"], row["set"], row["system"]) == ("films", kind, chosen, "laser")
            and what in row
        ]

    built = of("control", "built", *((kind, "satisfied") for kind in KINDS))
    written = (("C5", "satisfied"), ("C3", "satisfied"), ("C2", "violations"))
    first = of("control_first_run_films", "held-out", *written)
    last = of("control", "held-out", *written)
    paragraph = CARD.partition("**What was measured on it.**")[2].partition("\n\n")[0]
    quoted = re.findall(r"1\.000|\.\d{3}", paragraph)
    assert quoted == [short(value, 3) for value in (min(built), max(built), *first, *last)]
