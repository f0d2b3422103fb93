"""Items encoded on all cores: parts of the catalogue side by side, each on a thread with cores of its own.

An operation on several cores waits for all of them at its end, and what lies between two operations runs on one. Side
by side a core is idle only at the very end. Python runs one thread at a time, so that threads are few.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from model.laser import Laser
from model.vectors import EncodedItems, Progress
from training.live_changes import Record

MOST_THREADS = 4
PART = 256  # items: some ten batches


def encode_side_by_side(laser: Laser, records: Sequence[Record], progress: Progress) -> EncodedItems:
    """As `laser.encode_items`, on as many cores as PyTorch may use here; `progress` is called from several threads."""
    cores = torch.get_num_threads()
    threads = min(cores, MOST_THREADS)
    if not laser.on_cpu or threads < 2 or len(records) <= PART:
        return laser.encode_items(records, progress)
    parts = [records[start : start + PART] for start in range(0, len(records), PART)]
    try:
        with ThreadPoolExecutor(threads, initializer=laser.use_cores, initargs=(cores // threads,)) as pool:
            encoded = list(pool.map(lambda part: laser.encode_items(part, progress), parts))
    finally:
        laser.use_cores(cores)
    return EncodedItems(
        [tokens for part in encoded for tokens in part.token_ids],
        np.concatenate([part.text_vectors for part in encoded]),
        np.concatenate([part.vectors for part in encoded]),
    )
