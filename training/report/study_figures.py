"""The figures of the accuracy study (benchmarks/accuracy.py), as far as its rows are there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.evaluation_rows import ALONE, BEST, FAITHFUL
from training.report.charts import Curve, Dot, curves, intervals
from training.report.figures import figure, legend
from training.report.markup import Html, el

__all__ = ["read_study", "study_sections"]

Row = Mapping[str, Any]


def read_study(file: Path, data: str, data_hash: str) -> dict[str, Row]:
    """The study's rows on this data set, by key; none where it was measured on other data of that name."""
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = {row["key"]: row for row in map(json.loads, (line for line in lines if line.endswith("\n")))}
    if rows.get(f"headline/{data}/mean", {}).get("data_hash") != data_hash:
        return {}
    return {key: row for key, row in rows.items() if data in key}


def study_sections(rows: Mapping[str, Row], data: str) -> list[Html]:
    """One section a part of the study that has rows."""
    made = []
    if row := rows.get(f"interventions/{data}/mean"):
        made.append(_section("What each input is worth", _interventions(row)))
    if found := _under(rows, f"ablations/{data}/"):
        made.append(_section("Ablations", _ablations(found)))
    if row := rows.get(f"cold-start/{data}"):
        made.append(_section("Items nobody has taken yet", _cold_start(row)))
    if len(found := _under(rows, f"low-resource/{data}/")) > 1:
        made.append(_section("With fewer users", _low_resource(found)))
    if found := [
        row for key, row in rows.items() if key.startswith("transfer/") and key.endswith(f"to {data}")
    ]:
        made.append(_section("From another data set, without training", _dots(found[0], "transfer")))
    return made


def _interventions(row: Row) -> Html:
    dots = []
    for pair in row["comparisons"]:
        ndcg = pair["ndcg"]  # Laser alone minus the changed one
        dots.append(_difference(pair["against"], -ndcg["mean"], -ndcg["high"], -ndcg["low"]))
    chart = intervals(dots, "Change of NDCG@10 of Laser alone", ("unchanged", 0.0), signed=True)
    return figure(
        chart,
        "Laser alone, trained as always, with one thing changed afterwards: how NDCG@10 as served changes. "
        "Suffix and prefix are removed on the item and the user side alike.",
    )


def _ablations(rows: Sequence[Row]) -> Html:
    differences = [
        (row["name"], pair["ndcg"]) for row in rows for pair in row["comparisons"] if pair["name"] == ALONE
    ]
    dots = [
        _difference(name, ndcg["mean"], ndcg["low"], ndcg["high"])
        for name, ndcg in differences
        if any(ndcg.values())  # not the default itself
    ]
    chart = intervals(dots, "NDCG@10 of Laser alone against the default", ("the default", 0.0), signed=True)
    label = rows[0]["label"]
    return figure(
        chart, f"Laser alone, trained with one setting changed: NDCG@10 against the default ({label})."
    )


def _cold_start(row: Row) -> Html:
    drawn = []
    for group, said in (
        ("cold", f"{row['cold_users']:,} users whose test item was in no training interaction"),
        ("warm", f"{row['warm_users']:,} users whose test item was in training"),
    ):
        dots = [_dot(entry, "recall") for entry in row["rows"][group]]
        chart = intervals(dots, f"Recall@10, {group} items", None)
        drawn.append(figure(chart, f"Recall@10 as served, {row['cold_items']:,} items held out: {said}."))
    return el("div", {}, drawn)


def _low_resource(rows: Sequence[Row]) -> Html:
    names = [entry["name"] for entry in rows[0]["rows"] if all(entry["name"] in _names(row) for row in rows)]
    lines = []
    for number, name in enumerate(names):
        found = [_names(row)[name]["intervals"]["ndcg"] for row in rows]
        means, lows, highs = ([interval[key] for interval in found] for key in ("mean", "low", "high"))
        lines.append(Curve(name, means, number % 8 + 1, lows, highs))
    places = [f"{row['share']} % ({row['users']:,})" for row in rows]
    chart = curves(lines, places, "NDCG@10 by share of users trained on", "users trained on")
    caption = "NDCG@10 as served on all test users, when everything is fitted on a share of them."
    return figure(chart, caption, legend([(line.name, line.series) for line in lines]))


def _dots(row: Row, described: str) -> Html:
    dots = [_dot(entry, "ndcg") for entry in row["rows"]]
    caption = (
        "NDCG@10 as served: one data set's checkpoint on the other's users and items, by their texts alone."
    )
    return figure(intervals(dots, f"NDCG@10, {described}", None), caption)


def _difference(name: str, mean: float, low: float, high: float) -> Dot:
    """Coloured where the interval excludes 0."""
    return Dot(name, mean, low, high, "clear" if low > 0 or high < 0 else "plain")


def _dot(entry: Row, metric: str) -> Dot:
    found = entry["intervals"][metric]
    ours = entry["name"].startswith((BEST, ALONE, FAITHFUL))
    return Dot(entry["name"], found["mean"], found["low"], found["high"], "ours" if ours else "plain")


def _names(row: Row) -> dict[str, Row]:
    return {entry["name"]: entry for entry in row["rows"]}


def _under(rows: Mapping[str, Row], prefix: str) -> list[Row]:
    return [row for key, row in rows.items() if key.startswith(prefix)]


def _section(heading: str, *content: Html) -> Html:
    return el("section", {}, el("h2", {}, heading), *content)
