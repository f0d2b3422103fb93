"""From rows to what must be reached: checks, a table for people, and the record of the first run.

`rows` are those of runs.py with two more keys: `data` (the catalogue's name) and `set` (built or held-out).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks._outcome import Check

Row = Mapping[str, object]


class Target(NamedTuple):
    """A bound on one measure of one type; `to_oracle`: on its ratio to the oracle filter's."""

    type: str
    measure: str
    op: Literal[">=", "<="]
    bound: float
    to_oracle: bool = False


TARGETS = (
    Target("C1", "satisfied", ">=", 0.98),
    Target("C1", "ndcg", ">=", 0.97, to_oracle=True),
    Target("C2", "violations", "<=", 0.01),
    Target("C2", "ndcg", ">=", 0.99, to_oracle=True),
    Target("C3", "satisfied", ">=", 0.97),
    Target("C3", "exact", ">=", 0.98),
    Target("C4", "satisfied", ">=", 0.95),
    Target("C4", "all_satisfy", ">=", 0.85),
    Target("C5", "satisfied", ">=", 0.85),
    Target("C6", "pairs", ">=", 0.97),
    Target("C7", "reported", ">=", 0.95),
    Target("C7", "silent", "<=", 0.0),
    Target("C8", "satisfied", ">=", 0.95),
    Target("C9", "overlap", ">=", 0.98),
)
FALSE_ALARMS = 0.02  # of the sentences that can be met

COLUMNS = ("satisfied", "all_satisfy", "ndcg", "exact", "pairs", "reported", "silent", "alarm", "overlap")


def checks(rows: Sequence[Row]) -> Iterator[Check]:
    """What must be reached, for every data set and both sets of sentences; absent where it was not measured."""
    for data, set_ in dict.fromkeys((str(row["data"]), str(row["set"])) for row in rows):
        found = {
            (str(row["system"]), str(row["type"])): row
            for row in rows
            if (row["data"], row["set"]) == (data, set_) and "weight" not in row
        }
        for target in TARGETS:
            value = _number(found.get(("laser", target.type)), target.measure)
            name = f"{data}.{set_}.{target.type}.{target.measure}"
            if target.to_oracle:
                oracle = _number(found.get(("oracle filter", target.type)), target.measure)
                value = value / oracle if value is not None and oracle else None
                name += "_of_oracle"
            if value is not None:
                yield Check(name, round(value, 4), "share", target.op, target.bound)
        if (
            alarms := false_alarms([row for (system, _), row in found.items() if system == "laser"])
        ) is not None:
            yield Check(f"{data}.{set_}.C7.false_alarms", round(alarms, 4), "share", "<=", FALSE_ALARMS)


def false_alarms(rows: Sequence[Row]) -> float | None:
    """Share of all sentences that can be met of which the answer says that they cannot."""
    counted = [(_number(row, "alarm"), _number(row, "cases")) for row in rows]
    known = [(share, cases) for share, cases in counted if share is not None and cases]
    total = sum(cases for _, cases in known)
    return sum(share * cases for share, cases in known) / total if total else None


def table(rows: Sequence[Row]) -> str:
    """All rows as text, one line each."""
    head = ["data", "set", "type", "system", "cases", *COLUMNS]
    lines = [head] + [
        [*(str(row[name]) for name in head[:5]), *(_cell(row, name) for name in COLUMNS)] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)


def keep_first_run(path: Path, result: Mapping[str, object]) -> bool:
    """Write the figures of the first run on the held-out sentences; never touch them once they are there."""
    try:
        with path.open("x", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    except FileExistsError:
        return False
    return True


def _number(row: Row | None, name: str) -> float | None:
    value = row.get(name) if row else None
    return float(value) if isinstance(value, int | float) else None


def _cell(row: Row, name: str) -> str:
    value = _number(row, name)
    return "" if value is None else f"{value:.3f}"
