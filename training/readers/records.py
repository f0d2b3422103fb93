"""What a dump's reader promises, and the checks that all readers share.

A reader yields interactions and item records one at a time, in the order of the dump, and cleans only what
the format is known to hold. What breaks the format raises `DataError` with file and line. Sorting,
duplicates and the k-core are `training.prepare`'s.
"""

import ast
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import orjson

from training.folder import id_problem
from training.lines import DataError, read_lines

MAX_LITERAL_BYTES = (
    1024 * 1024
)  # Python's parser is not built for hostile input of any size; dump lines are far shorter
EARLIEST_MILLISECONDS = 1e11  # as seconds: the year 5138; as milliseconds: 1973, before any of these shops


class RawInteraction(NamedTuple):
    """One user did something with one item at `timestamp`, in seconds since 1970 (fractions allowed)."""

    user_id: str
    item_id: str
    timestamp: float


class Reader(Protocol):
    """A dump on disk. `text` names the fields of its item records that make up the item's text."""

    text: tuple[str, ...]

    def files(self) -> tuple[Path, ...]:
        """The files that are read, for the record."""

    def interactions(self) -> Iterator[RawInteraction]:
        """All interactions, in the order of the dump. Raises DataError."""

    def items(self) -> Iterator[dict[str, object]]:
        """All item records, in the order of the dump; an id may come more than once. Raises DataError."""


def read_records(path: Path, python_literals: bool = False) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield (line number, record) of a file of JSON objects, one a line; of Python dicts where allowed."""
    for number, line in enumerate(read_lines(path), start=1):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if not python_literals:
                raise DataError(path, number, f"is not JSON ({error.msg})") from error
            record = _parse_literal(path, number, line)
        if not isinstance(record, dict):
            raise DataError(path, number, "is not an object with keys and values")
        yield number, record


def require_id(value: object, key: str, path: Path, line: int) -> str:
    """Return `value` if it is usable as a user or item id; raises DataError naming `key` if not."""
    if value is None:
        raise DataError(path, line, f"has no {key!r}")
    if not isinstance(value, str):
        raise DataError(path, line, f"{key} must be a string, not {value!r}")
    if problem := id_problem(value):
        raise DataError(path, line, f"{key} {problem}")
    return value


def require_seconds(value: object, key: str, path: Path, line: int) -> float:
    """Return a time in seconds since 1970; raises DataError if it is no number or must be milliseconds."""
    number = _require_number(value, key, path, line)
    if abs(number) >= EARLIEST_MILLISECONDS:
        raise DataError(path, line, f"{key} {value} looks like milliseconds; this format has seconds")
    return number


def require_milliseconds(value: object, key: str, path: Path, line: int) -> float:
    """Return a time in milliseconds as SECONDS; raises DataError if it is no number or must be seconds."""
    number = _require_number(value, key, path, line)
    if abs(number) < EARLIEST_MILLISECONDS:
        raise DataError(path, line, f"{key} {value} looks like seconds; this format has milliseconds")
    return number / 1000


def _require_number(value: object, key: str, path: Path, line: int) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise DataError(path, line, f"{key} must be a finite number, not {value!r}")
    return number


def _parse_literal(path: Path, number: int, line: bytes) -> object:
    if len(line) > MAX_LITERAL_BYTES:
        raise DataError(path, number, f"is not JSON, and too long to read as Python ({len(line):,} bytes)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in a title is no concern of ours
            return ast.literal_eval(line.decode())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise DataError(path, number, "is neither JSON nor a Python literal") from error
