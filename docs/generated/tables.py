"""Markdown tables, with cells that cannot break them."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a cell's line breaks become spaces, its pipes are escaped."""
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def code(value: object) -> str:
    """A value as code; nothing for None."""
    return "" if value is None else f"`{value}`"


def _row(cells: Sequence[object]) -> str:
    escaped = (" ".join(str(cell).split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
