"""The finished rows as tables for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from benchmarks._outcome import Check
from benchmarks.accuracy_bench import headline, interventions
from benchmarks.accuracy_bench.store import Store

Entry = Mapping[str, Any]
WIDTH = 130  # of a table, also where a terminal does not say its own


def print_tables(store: Store, data: Sequence[str], checks: Sequence[Check], console: Console) -> None:
    """Everything measured so far, and how it stands against what must be reached."""
    console.width = max(console.width, WIDTH)
    for name in data:
        if row := store.get(headline.MEAN.format(data=name)):
            seeds = ", ".join(map(str, row["seeds"]))
            _table(
                console,
                f"{name}, {row['users']:,} users, mean of seeds {seeds}",
                row["rows"],
                row["comparisons"],
            )
        if row := store.get(interventions.MEAN.format(data=name)):
            _table(console, f"{name}, Laser alone with one thing changed", row["rows"], row["comparisons"])
    for row in store.under("faithful/"):
        _table(console, row["key"], row["rows"], row["comparisons"])
    for row in store.under("instructions/"):
        _table(console, f"{row['key']}, trained with sentences, none said", row["rows"], row["comparisons"])
        _obeying(console, row["obeying"])
    if ablations := store.under("ablations/"):
        lines = [
            {**entry, "name": f"{row['name']}: {entry['name']}"} for row in ablations for entry in row["rows"]
        ]
        pairs = [{**pair, "name": row["name"]} for row in ablations for pair in row["comparisons"]]
        _table(console, f"ablations: {ablations[0]['label']}", lines, pairs)
    for row in store.under("cold-start/"):
        for group in ("cold", "warm"):
            title = f"{row['key']}, {row[f'{group}_users']:,} users whose test item is {group}"
            _table(console, title, row["rows"][group], [row["comparisons"][group]])
    for row in [*store.under("low-resource/"), *store.under("transfer/")]:
        _table(console, row["key"], row["rows"], row["comparisons"])
    _checks(console, checks)


def _table(console: Console, title: str, rows: Iterable[Entry], comparisons: Iterable[Entry]) -> None:
    table = Table(box=MARKDOWN)
    table.add_column("as served / unmasked")
    for heading in ("Recall@10", "NDCG@10", "MRR", "Recall@10 u.", "NDCG@10 u.", "MRR u."):
        table.add_column(heading, justify="right")
    for row in rows:
        values = (row[way][metric] for way in ("served", "unmasked") for metric in ("recall", "ndcg", "mrr"))
        table.add_row(row["name"], *(f"{value:.4f}".lstrip("0") for value in values))
    console.print(f"\n{title}", markup=False, highlight=False)
    console.print(table)
    for pair in comparisons:
        ndcg = pair["ndcg"]
        said = f"NDCG@10 {ndcg['mean']:+.4f} [{ndcg['low']:+.4f}, {ndcg['high']:+.4f}]"
        console.print(f"{pair['name']} against {pair['against']}: {said}", markup=False, highlight=False)


def _obeying(console: Console, lines: Iterable[Entry]) -> None:
    table = Table(box=MARKDOWN)
    for heading in ("Laser alone", "value", "cases"):
        table.add_column(heading)
    for heading in ("first ten with it", "once said", "NDCG@10", "once said"):
        table.add_column(heading, justify="right")
    for line in lines:
        shares = (f"{line[key]:.3f}" for key in ("having_without_saying", "having"))
        ndcgs = (f"{line[key]:.4f}".lstrip("0") for key in ("ndcg_without_saying", "ndcg"))
        table.add_row(line["run"], line["value"], f"{line['cases']:,}", *shares, *ndcgs)
    console.print(table)


def _checks(console: Console, checks: Sequence[Check]) -> None:
    verdicts = {True: "reached", False: "MISSED", None: "not measured"}
    console.print("\nmust reach", markup=False)
    for check in checks:
        value = "" if check.value is None else f"{check.value:.4g}"
        line = f"  {verdicts[check.passed]:13} {check.name} {value} ({check.op} {check.target:g})"
        console.print(line, markup=False, highlight=False)
