"""The page as Markdown: a summary of all checks, then each benchmark with its machine, commit, rows and plots.

What has no result says "not measured yet". No number is typed in: all come from the results' JSON.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks._outcome import Check

Outcome = Mapping[str, Any]  # what benchmarks/results/NAME.json holds
MOST_ROWS = 60  # of a benchmark; the rest is in its file
MISSING = "not measured yet"
HEAD = (
    "Made by `python -m benchmarks.performance_page` from `benchmarks/results`; change neither by hand. "
    "Each figure is measured by `laser bench NAME`, and every ratio within one run, peers and limits included."
)


def page(outcomes: Mapping[str, Outcome | None], plots: Mapping[str, Sequence[str]]) -> str:
    """Markdown. `outcomes` by benchmark, None without a result; `plots` are the pictures' paths beside the page."""
    parts = [
        "# Performance",
        HEAD,
        "## Summary",
        _table(("benchmark", "check", "measured", "target", ""), _summary(outcomes)),
    ]
    for name, outcome in outcomes.items():
        parts.append(f"## {name}")
        parts += [MISSING.capitalize() + f": `laser bench {name}`."] if outcome is None else _section(outcome)
        parts += [f"![{name}]({path})" for path in plots.get(name, ())]
    return "\n\n".join(parts) + "\n"


def commit_date(commit: str, root: Path) -> str:
    """The day of a commit, or "date unknown" where this checkout does not have it."""
    command = ["git", "show", "--no-patch", "--format=%cs", commit]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return ran.stdout.strip() if ran.returncode == 0 else "date unknown"


def _summary(outcomes: Mapping[str, Outcome | None]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, outcome in outcomes.items():
        if outcome is None:
            rows.append((name, "", MISSING, "", ""))
            continue
        for check in (Check(**each) for each in outcome["checks"]):
            measured = MISSING if check.value is None else f"{check.value:.4g} {check.unit}"
            verdict = {True: "reached", False: "**missed**", None: ""}[check.passed]
            rows.append((name, check.name, measured, f"{check.op} {check.target:g}", verdict))
    return rows


def _section(outcome: Outcome) -> list[str]:
    machine = outcome["machine"]
    measured_on = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Python {machine['python']}"
    )
    parts = [
        f"`{outcome['command']}` at commit {str(outcome['commit'])[:12]} ({outcome['date']}), on {measured_on}."
    ]
    rows = [row for row in outcome["rows"] if all(not isinstance(v, (dict, list)) for v in row.values())]
    if rows:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        lines = [tuple(_cell(row.get(name)) for name in columns) for row in rows[:MOST_ROWS]]
        parts.append(_table(columns, lines))
    if len(rows) < len(outcome["rows"]) or len(rows) > MOST_ROWS:
        parts.append(f"All rows: `benchmarks/results/{outcome['benchmark']}.json`.")
    return parts


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
