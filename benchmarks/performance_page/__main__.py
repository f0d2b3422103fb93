"""Write docs/performance.md and its pictures."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import names
from benchmarks._outcome import FOLDER, RESULTS
from benchmarks.performance_page.page import Outcome, commit_date, page
from benchmarks.performance_page.plot import Point, growth_plot

QUALITY = {"accuracy", "control"}  # they measure answers, not speed, and have pages of their own
ACROSS = {
    "history": "items in the history",
    "catalogue": "items in the catalogue",
    "concurrency": "users at once",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write it. Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance_page", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of the results")
    parser.add_argument("--docs", type=Path, default=FOLDER.parent / "docs", help="the folder to write into")
    given = parser.parse_args(arguments)
    outcomes = {name: read(given.results / f"{name}.json") for name in names() if name not in QUALITY}
    pictures = given.docs / "performance"
    plots: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        for series, points in growths(outcome).items():
            pictures.mkdir(parents=True, exist_ok=True)
            picture = growth_plot(f"Time over {series}", ACROSS.get(series, series), points)
            (pictures / f"{name}_{series}.svg").write_text(picture, encoding="utf-8")
            plots.setdefault(name, []).append(f"performance/{name}_{series}.svg")
    given.docs.mkdir(parents=True, exist_ok=True)
    (given.docs / "performance.md").write_text(page(outcomes, plots), encoding="utf-8")
    return 0


def read(path: Path) -> Outcome | None:
    """A result and the day of its commit; None where there is no result."""
    if not path.is_file():
        return None
    outcome: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return {**outcome, "date": commit_date(str(outcome["commit"]), FOLDER.parent)}


def growths(outcome: Outcome | None) -> dict[str, list[Point]]:
    """The series of a result: rows that have a series, a size and the milliseconds it took."""
    found: dict[str, list[Point]] = {}
    for row in outcome["rows"] if outcome else ():
        if {"series", "size", "ms"} <= row.keys():
            found.setdefault(row["series"], []).append(Point(row["size"], row["ms"]))
    return found


if __name__ == "__main__":
    sys.exit(main())
