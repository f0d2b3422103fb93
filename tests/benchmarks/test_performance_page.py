"""docs/performance.md: only measured figures, and a plain word where there are none."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.performance_page import __main__ as command
from benchmarks.performance_page.page import MISSING, page
from benchmarks.performance_page.plot import Point, growth_plot

OUTCOME = {
    "benchmark": "search",
    "command": "laser bench search",
    "commit": "0123456789abcdef",
    "date": "2026-01-31",
    "machine": {"cpu": "a | b", "cores": 2, "memory_gib": 23.5, "python": "3.11.7"},
    "checks": [
        {"name": "speedup", "value": 2.5, "unit": "x", "op": ">=", "target": 2.0},
        {"name": "slow", "value": 0.5, "unit": "x", "op": ">=", "target": 1.5},
        {"name": "absent", "value": None, "unit": "x", "op": "<=", "target": 1},
    ],
    "rows": [{"key": "a|b", "ms": 1.25}, {"key": "c", "each": [1, 2]}],
}


def test_the_page_says_what_was_reached_what_was_missed_and_what_was_not_measured() -> None:
    lines = page({"encode": None, "search": OUTCOME}, {"search": ["performance/p.svg"]}).splitlines()
    assert f"| encode |  | {MISSING} |  |  |" in lines
    assert "| search | speedup | 2.5 x | >= 2 | reached |" in lines
    assert "| search | slow | 0.5 x | >= 1.5 | **missed** |" in lines
    assert f"| search | absent | {MISSING} | <= 1 |  |" in lines
    assert "Not measured yet: `laser bench encode`." in lines
    measured = "`laser bench search` at commit 0123456789ab (2026-01-31), on a | b, 2 cores, 23.5 GiB, Python 3.11.7."
    assert measured in lines
    assert "| a\\|b | 1.25 |" in lines
    assert "All rows: `benchmarks/results/search.json`." in lines, "a row that is no line of a table"
    assert "![search](performance/p.svg)" in lines


def test_the_command_writes_the_page_and_a_picture_of_each_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "names", lambda: ["accuracy", "encode", "growth"])
    rows = [{"series": "history", "size": size, "ms": 2.0 * size} for size in (1, 10, 100)]
    outcome = {name: value for name, value in OUTCOME.items() if name != "date"} | {"rows": rows}
    (tmp_path / "growth.json").write_text(json.dumps(outcome))
    assert command.main(["--results", str(tmp_path), "--docs", str(tmp_path / "docs")]) == 0
    written = (tmp_path / "docs" / "performance.md").read_text()
    assert "![growth](performance/growth_history.svg)" in written
    assert "(date unknown)" in written, "no such commit here"
    assert "## encode" in written
    assert "## accuracy" not in written
    drawn = ElementTree.parse(tmp_path / "docs" / "performance" / "growth_history.svg").getroot()
    assert len([mark for mark in drawn.iter() if mark.tag.endswith("circle")]) == 3


def test_linear_growth_lies_on_the_dashed_line() -> None:
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(
        growth_plot("a < b", "items", [Point(1, 1), Point(10, 10), Point(100, 100)])
    )
    assert root.get("aria-label") == "a < b"
    dashed = next(line for line in root.iter(f"{svg}line") if line.get("stroke-dasharray"))
    (first, *_, last) = next(root.iter(f"{svg}polyline")).get("points", "").split()
    assert [float(value) for value in first.split(",")] == [float(dashed.get(n, "")) for n in ("x1", "y1")]
    assert [float(value) for value in last.split(",")] == [float(dashed.get(n, "")) for n in ("x2", "y2")]
