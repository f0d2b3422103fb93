"""Data folders derived from a real one: a part of its users, or items that training has never seen.

Written aside and renamed, under names that say what they are; the catalogue is always the whole one.
"""

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data import Dataset, load_dataset
from training.folder import HEADER, INFO_FILE, INTERACTIONS_FILE, ITEMS_FILE

COLD_FILE = "cold_items.json"
MIN_HISTORY = 3  # interactions of a user that leave-one-out evaluates

Rows = NDArray[np.int64]


def with_users(source: Path, target: Path, count: int, seed: int = 0) -> Path:
    """At most `count` of the users with enough interactions to be evaluated, drawn by seed."""
    if not target.is_dir():
        dataset = load_dataset(source)
        usable = [user for user, rows in enumerate(dataset.histories) if len(rows) >= MIN_HISTORY]
        chosen = np.random.default_rng(seed).permutation(usable)[:count]
        _write(dataset, target, [(user, dataset.histories[user]) for user in np.sort(chosen)], ())
    return target


def without_items(source: Path, target: Path, share: float, seed: int = 0) -> Path:
    """A share of the items, drawn by seed, left out of all training interactions.

    Validation and test items stay. A user left with fewer than three interactions goes: all of them would be training.
    """
    if not target.is_dir():
        dataset = load_dataset(source)
        n_items = len(dataset.items)
        drawn = np.random.default_rng(seed).permutation(n_items)[: max(1, round(share * n_items))]
        cold = np.zeros(n_items, dtype=np.bool_)
        cold[drawn] = True
        kept = []
        for user, rows in enumerate(dataset.histories):
            if len(rows) >= MIN_HISTORY:
                rows = np.concatenate([rows[:-2][~cold[rows[:-2]]], rows[-2:]])
                if len(rows) >= MIN_HISTORY:
                    kept.append((user, rows))
        _write(dataset, target, kept, [dataset.item_ids[row] for row in np.flatnonzero(cold)])
    return target


def cold_items(folder: Path) -> set[str]:
    """The ids that `without_items` left out of training."""
    return set(json.loads((folder / COLD_FILE).read_text(encoding="utf-8")))


def _write(
    dataset: Dataset, target: Path, histories: Iterable[tuple[int, Rows]], cold: Iterable[str]
) -> None:
    aside = target.with_name(f"{target.name}.writing")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    info = json.loads((dataset.folder / INFO_FILE).read_text(encoding="utf-8"))
    info |= {"name": target.name, "timestamp": "position"}
    (aside / INFO_FILE).write_text(json.dumps(info), encoding="utf-8")
    (aside / COLD_FILE).write_text(json.dumps(list(cold)), encoding="utf-8")
    shutil.copy(dataset.folder / ITEMS_FILE, aside / ITEMS_FILE)
    with (aside / INTERACTIONS_FILE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for user, rows in histories:
            for position, row in enumerate(rows):
                table.writerow([dataset.user_ids[user], dataset.item_ids[row], position])
    aside.rename(target)
