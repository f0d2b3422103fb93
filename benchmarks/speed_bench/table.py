"""What people read of a speed benchmark: its rows, then its checks, on stderr; stdout ends with the JSON line."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks._outcome import Check


def print_outcome(checks: Sequence[Check], rows: Sequence[Mapping[str, object]]) -> None:
    """Two tables. Rows may have different columns; a column stands where it first occurs."""
    console = Console(stderr=True)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    measured = Table(*columns)
    for row in rows:
        measured.add_row(*(str(row.get(name, "")) for name in columns))
    reached = Table("check", "value", "", "target", "")
    for check in checks:
        value = "" if check.value is None else f"{check.value:.4g} {check.unit}"
        verdict = {True: "reached", False: "missed", None: "not measured"}[check.passed]
        reached.add_row(check.name, value, check.op, f"{check.target:g}", verdict)
    console.print(measured, reached)
