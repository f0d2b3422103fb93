"""The three files of a canonical data folder, parsed strictly.

All are UTF-8. Nothing is repaired: the first thing that does not fit raises `DataError` with file and line.

- `dataset.json`      {"name": str, "timestamp": "position" | "epoch_seconds", "text": [item fields]};
                      `text` are the fields that make up an item's text, in order; other keys are free
- `items.jsonl`       one item a line: `item_id`, `title`, and attributes: text, number, list of texts, null
- `interactions.csv`  header `user_id,item_id,timestamp`, one interaction a line
"""

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import numpy as np
import orjson
from numpy.typing import NDArray

from training.lines import DataError, decode_lines, read_lines

INFO_FILE, ITEMS_FILE, INTERACTIONS_FILE = "dataset.json", "items.jsonl", "interactions.csv"
HEADER = ["user_id", "item_id", "timestamp"]
# Rows held as Python objects at a time. They are dropped before the garbage collector has gone through them; of many
# more it goes through everything the process holds, again and again (six times as slow where torch is loaded).
CHUNK_ROWS = 1_000


@dataclass(frozen=True)
class DatasetInfo:
    """What `dataset.json` says. `text` names the item fields that make up an item's text, in order."""

    name: str
    timestamp: Literal["position", "epoch_seconds"]
    text: tuple[str, ...]


class Interactions(NamedTuple):
    """`interactions.csv` as codes, in file order; row r of it is line r + 2. R interactions.

    A code is the position in `user_ids` or `item_ids`, both in order of first appearance. `item_ids` here
    are those that occur in the file, whether or not the catalogue has them.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    users: NDArray[np.int64]  # [R]
    items: NDArray[np.int64]  # [R]
    timestamps: NDArray[np.float64]  # [R]


def read_info(path: Path) -> DatasetInfo:
    """Read `dataset.json`. Raises DataError naming the key that is missing or wrong."""
    try:
        loaded = orjson.loads(b"\n".join(read_lines(path)))
    except orjson.JSONDecodeError as error:
        raise DataError(path, error.lineno, f"is not JSON ({error.msg})") from error
    if not isinstance(loaded, dict):
        raise DataError(path, None, "must be a JSON object")
    name, timestamp, text = loaded.get("name"), loaded.get("timestamp"), loaded.get("text")
    if not isinstance(name, str) or not name:
        raise DataError(path, None, f"'name' must be a non-empty string, not {name!r}")
    if timestamp != "position" and timestamp != "epoch_seconds":
        raise DataError(path, None, f'\'timestamp\' must be "position" or "epoch_seconds", not {timestamp!r}')
    if not isinstance(text, list) or not text or not all(isinstance(field, str) and field for field in text):
        raise DataError(path, None, f"'text' must be a non-empty list of field names, not {text!r}")
    return DatasetInfo(name, timestamp, tuple(text))


def read_items(path: Path) -> tuple[dict[str, object], ...]:
    """Read `items.jsonl`.

    A title may be missing, null or empty. Raises DataError naming the line of the first bad item.
    """
    items: list[dict[str, object]] = []
    line_of: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
        try:
            item = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise DataError(path, number, f"is not a JSON object ({error.msg})") from error
        if problem := _item_problem(item):
            raise DataError(path, number, problem)
        first = line_of.setdefault(item["item_id"], number)
        if first != number:
            raise DataError(path, number, f"item_id {item['item_id']!r} occurs twice, first in line {first}")
        items.append(item)
    return tuple(items)


def read_interactions(path: Path) -> Interactions:
    """Read `interactions.csv`; fields may be quoted. Raises DataError naming the line of the first bad row.

    Rows are tested in bulk; only when a test fails are the lines gone through one by one, to name the one
    to blame.
    """
    user_codes: dict[str, int] = {}
    item_codes: dict[str, int] = {}
    users: list[NDArray[np.int64]] = []
    items: list[NDArray[np.int64]] = []
    timestamps: list[NDArray[np.float64]] = []
    reader = csv.reader(decode_lines(path), strict=True)
    read = 1  # the header
    try:
        if next(reader) != HEADER:
            raise ValueError
        while chunk := list(itertools.islice(reader, CHUNK_ROWS)):
            read += len(chunk)
            user_column, item_column, time_column = zip(
                *chunk, strict=True
            )  # ValueError: rows differ, or are not three wide
            if reader.line_num != read or set(map(len, chunk)) != {3}:
                raise ValueError
            users.append(_encode(user_column, user_codes))
            items.append(_encode(item_column, item_codes))
            timestamps.append(np.array(list(map(float, time_column)), dtype=np.float64))
            if not np.isfinite(timestamps[-1]).all():
                raise ValueError
        if any(map(id_problem, user_codes)) or any(map(id_problem, item_codes)):
            raise ValueError
    except (ValueError, csv.Error):
        _raise_first_bad_row(path)
    if not users:
        raise DataError(path, None, "has a header but no interactions")
    return Interactions(
        tuple(user_codes),
        tuple(item_codes),
        np.concatenate(users),
        np.concatenate(items),
        np.concatenate(timestamps),
    )


def _encode(column: Sequence[str], codes: dict[str, int]) -> NDArray[np.int64]:
    return np.array([codes.setdefault(value, len(codes)) for value in column], dtype=np.int64)


def _raise_first_bad_row(path: Path) -> NoReturn:
    for number, line in enumerate(decode_lines(path), start=1):
        if problem := _row_problem(line, header=number == 1):
            raise DataError(path, number, problem)
    raise AssertionError(f"{path} failed a test in bulk that each of its lines passes")


def _row_problem(line: str, header: bool) -> str | None:
    try:
        row = next(csv.reader([line], strict=True))
    except csv.Error as error:
        return f"is not one line of CSV ({error})"
    if header:
        return None if row == HEADER else f"the header must be {','.join(HEADER)}, not {line[:80]!r}"
    if len(row) != len(HEADER):
        return "is blank" if not row else f"has {len(row)} fields, not user_id,item_id,timestamp"
    for name, value in zip(HEADER[:2], row[:2], strict=True):
        if problem := id_problem(value):
            return f"{name} {problem}"
    try:
        finite = math.isfinite(float(row[2]))
    except ValueError:
        finite = False
    return None if finite else f"timestamp must be a finite number, not {row[2]!r}"


def _item_problem(item: object) -> str | None:
    if not isinstance(item, dict):
        return "is not a JSON object"
    if "item_id" not in item:
        return "has no 'item_id'"
    if not isinstance(item["item_id"], str):
        return f"item_id must be a string, not {item['item_id']!r}"
    if problem := id_problem(item["item_id"]):
        return f"item_id {problem}"
    if not isinstance(item.get("title"), str | None):
        return f"title must be a string, not {item['title']!r}"
    for name, value in item.items():
        plain = value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))
        if not plain and not (isinstance(value, list) and all(isinstance(part, str) for part in value)):
            return (
                f"attribute {name!r} must be a string, number, list of strings or null, not {str(value)[:80]}"
            )
    return None


def id_problem(value: str) -> str | None:
    """Say what is wrong with a user or item id, or None: no empty ids, invisible characters, outer spaces."""
    if not value:
        return "is empty"
    if not value.isprintable() or value != value.strip():
        return f"has control characters or spaces at an end: {value!r}"
    return None
