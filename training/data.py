"""A canonical data folder, loaded: items, user histories as rows, and the leave-one-out split.

Inside, an item is its row: its position in `items.jsonl`. A history is an int64 array of rows, oldest
first. What the three files of a folder hold is in `training.folder`; whether data that load are also data
to believe is for `training.check_data` to say.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from training.folder import (
    INFO_FILE,
    INTERACTIONS_FILE,
    ITEMS_FILE,
    DatasetInfo,
    read_info,
    read_interactions,
    read_items,
)
from training.lines import DataError

__all__ = [
    "DataError",
    "Dataset",
    "DatasetInfo",
    "EvalRows",
    "Split",
    "hash_files",
    "leave_one_out",
    "load_dataset",
]

MIN_EVALUATED = 3  # one interaction to train on, one to validate on, one to test on

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """A loaded folder. `histories[u]` are the rows of `user_ids[u]`, oldest first, ties in file order."""

    info: DatasetInfo
    folder: Path
    items: tuple[dict[str, object], ...]
    item_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    histories: tuple[Rows, ...]
    data_hash: str


class EvalRows(NamedTuple):
    """U users to rank for: position in `user_ids` [U], what is known of each, and the one right row [U]."""

    users: Rows
    histories: tuple[Rows, ...]
    targets: Rows


class Split(NamedTuple):
    """`train[u]` belongs to `user_ids[u]`; `valid` and `test` have only users with enough interactions."""

    train: tuple[Rows, ...]
    valid: EvalRows
    test: EvalRows


def load_dataset(folder: Path) -> Dataset:
    """Load a canonical folder.

    Raises DataError (file, line) for anything malformed and for items the catalogue does not have.
    """
    info = read_info(folder / INFO_FILE)
    items = read_items(folder / ITEMS_FILE)
    for field in info.text:
        if not any(field in item for item in items):
            raise DataError(folder / INFO_FILE, None, f"'text' names the field {field!r}, which no item has")
    log = read_interactions(folder / INTERACTIONS_FILE)

    item_ids = tuple(cast(str, item["item_id"]) for item in items)
    row_of = {item_id: row for row, item_id in enumerate(item_ids)}
    rows = np.array([row_of.get(item_id, -1) for item_id in log.item_ids], dtype=np.int64)[log.items]  # [R]
    if (rows < 0).any():
        first = int(np.argmax(rows < 0))
        unknown = log.item_ids[log.items[first]]
        raise DataError(folder / INTERACTIONS_FILE, first + 2, f"item_id {unknown!r} is not in {ITEMS_FILE}")
    order = np.lexsort((log.timestamps, log.users))  # by user, then time; stable: ties in file order
    lengths = np.bincount(log.users, minlength=len(log.user_ids))
    return Dataset(
        info=info,
        folder=folder,
        items=items,
        item_ids=item_ids,
        user_ids=log.user_ids,
        histories=tuple(np.split(rows[order], np.cumsum(lengths)[:-1])),
        data_hash=hash_files(folder),
    )


def leave_one_out(histories: Sequence[Rows]) -> Split:
    """Split off the last interaction as test and the one before as validation; the rest is training.

    The test-time history includes the validation item. Users with fewer than 3 interactions are not
    evaluated: all they did is training.
    """
    users = np.array(
        [u for u, history in enumerate(histories) if len(history) >= MIN_EVALUATED], dtype=np.int64
    )
    evaluated = [histories[u] for u in users]
    train = tuple(history[:-2] if len(history) >= MIN_EVALUATED else history for history in histories)

    def hold_out(place: int) -> EvalRows:
        targets = np.array([history[place] for history in evaluated], dtype=np.int64)
        return EvalRows(users, tuple(history[:place] for history in evaluated), targets)

    return Split(train, valid=hold_out(-2), test=hold_out(-1))


def hash_files(folder: Path) -> str:
    """sha256 over the names and contents of the three files: equal folders, equal hash, wherever they lie.

    Raises DataError for a file that cannot be read.
    """
    total = hashlib.sha256()
    for name in (INFO_FILE, ITEMS_FILE, INTERACTIONS_FILE):
        try:
            with (folder / name).open("rb") as file:
                total.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        except OSError as error:
            raise DataError(folder / name, None, f"cannot be read ({error.strerror or error})") from error
    return total.hexdigest()
