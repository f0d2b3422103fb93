"""What real users would ask: the histories of a data set's test split, as requests to `POST /recommend`."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from index.catalog import Catalogue
from training.data import leave_one_out, load_dataset


class Asked(NamedTuple):
    """Users in random order, each with what was taken next."""

    histories: list[list[int]]  # rows of the catalogue, oldest first
    targets: list[int]
    data_hash: str


def users_of(data: Path, catalogue: Catalogue, most: int, seed: int) -> Asked:
    """Up to `most` users of the test split. Raises ValueError where the catalogue lacks what they took."""
    dataset = load_dataset(data)
    rows = [catalogue.row(item_id) for item_id in dataset.item_ids]
    if None in rows:
        raise ValueError(f"the bundle was not made from {data}: it lacks some of its items")
    placed = [row for row in rows if row is not None]
    test = leave_one_out(dataset.histories).test
    chosen = np.random.default_rng(seed).permutation(len(test.targets))[:most]
    return Asked(
        [[placed[item] for item in test.histories[user]] for user in chosen],
        [placed[test.targets[user]] for user in chosen],
        dataset.data_hash,
    )


def bodies(asked: Asked, catalogue: Catalogue, k: int = 10) -> list[dict[str, object]]:
    """A request for each user."""
    return [
        {"history": [{"item_id": catalogue.item_ids[row]} for row in history], "k": k}
        for history in asked.histories
    ]
