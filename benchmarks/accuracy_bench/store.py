"""Finished rows, one JSON object a line, appended the moment they are measured.

A row is known by its key and its recipe (a hash of everything that decides the figure besides code and machine), so
a program that starts again goes on with the jobs that have no row yet, and a changed recipe is measured anew.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
DIGITS = 6  # after the point: finer than any figure of a few thousand users


class Store:
    """The rows of one file. Of several with one key the last counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[str, Row] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n"):  # a last line without an end was cut off while it was written
                    row = json.loads(line)
                    self._rows[row["key"]] = row

    def get(self, key: str, recipe: str | None = None) -> Row | None:
        """The row of that key, and of that recipe where one is asked for; None if there is none."""
        row = self._rows.get(key)
        return None if row is None or (recipe is not None and row["recipe"] != recipe) else row

    def add(self, row: Row) -> None:
        """Append a row, its numbers rounded to DIGITS; when this returns it is on disk."""
        row = _rounded(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._end_cut_line()
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._rows[row["key"]] = row

    def under(self, prefix: str) -> list[Row]:
        """All rows whose key begins with the prefix, in the order of their keys' first appearance."""
        return [row for key, row in self._rows.items() if key.startswith(prefix)]

    def _end_cut_line(self) -> None:
        """Drop what was cut off, so that the next line begins on a line of its own."""
        if self.path.is_file():
            content = self.path.read_bytes()
            if not content.endswith(b"\n") and content:
                self.path.write_bytes(content[: content.rfind(b"\n") + 1])


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value
