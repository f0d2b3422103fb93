"""What a bundle holds besides vectors and neighbours: how popular its items are, and, where they are many, a partition
to search in part, its recall measured with real users.

Letters: I items, V vector width, Q queries.
"""

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from index.catalog import Catalogue
from index.partition import BUILD_FROM, Partition, build_partition
from model.laser import Laser
from model.vectors import EncodedItems, History
from training.data import Dataset

RECALL, PROBES = "approximate_recall_at_10", "approximate_cells_read"  # metrics in the manifest
USERS = 512  # whose vectors the recall is measured with
SEED = 0


def popularity(catalogue: Catalogue, dataset: Dataset) -> NDArray[np.float32]:
    """How many interactions each item has, float32 [I]: what to recommend to somebody nothing is known of."""
    taken = np.concatenate([np.empty(0, np.int64), *dataset.histories])
    counts = np.bincount(taken, minlength=len(dataset.item_ids))
    rows = catalogue.rows(dataset.item_ids)
    found = np.zeros(len(catalogue), np.float32)
    found[rows[rows >= 0]] = counts[rows >= 0]
    return found


def partitioned(
    catalogue: Catalogue, encoded: EncodedItems, dataset: Dataset, laser: Laser, console: Console
) -> Partition | None:
    """The partition of a large catalogue; None for a smaller one, and where there are no users to measure with."""
    if len(catalogue) < BUILD_FROM:
        return None
    queries = _users(catalogue, encoded, dataset, laser)
    partition = build_partition(encoded.vectors, queries, SEED) if len(queries) >= 2 else None
    if partition is None:
        console.print("no cells to search: every search will be exact")
        return None
    console.print(
        f"{len(partition.centroids):,} cells; reading {partition.probes:,} of them finds "
        f"{partition.recall:.1%} of the ten best of {len(queries) // 2:,} users"
    )
    return partition


def _users(
    catalogue: Catalogue, encoded: EncodedItems, dataset: Dataset, laser: Laser
) -> NDArray[np.float32]:
    """Vectors float32 [Q, V] of users of the data, drawn with SEED."""
    rows = catalogue.rows(dataset.item_ids)  # of the data's items, in the catalogue
    histories = []
    for user in np.random.default_rng(SEED).permutation(len(dataset.histories))[:USERS]:
        known = rows[dataset.histories[user]]
        known = known[known >= 0][-laser.max_history :]
        if len(known):
            tokens = tuple(encoded.token_ids[row] for row in known)
            ids = tuple(catalogue.item_ids[row] for row in known)
            histories.append(History(ids, tokens, encoded.text_vectors[known]))
    return laser.encode_users(histories) if histories else np.empty((0, laser.width), np.float32)
