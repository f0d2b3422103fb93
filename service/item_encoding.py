"""What runs on the encoder's thread for the catalogue: records in, everything a row of the catalogue has out.

Items that are put at the same time share a call, but few of them, so that requests wait little for a large batch.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from model.vectors import EncodedItems
from service.history import Record

TOGETHER = 8  # items in one call
FRAME_TOKENS = 32  # about what the template adds to an item's own tokens
PASSES = 2  # of the text model for an item: its text alone, and its prompt
CHARACTERS_PER_TOKEN = 4

Vectors = NDArray[np.float32]


class EncodedItem(NamedTuple):
    """One item as an index stores it."""

    tokens: Sequence[int]
    text_vector: Vectors  # [D]
    vector: Vectors  # [V]


class ItemsJob(NamedTuple):
    """A few items to encode."""

    records: Sequence[Record]


class ItemEncoder(Protocol):
    """The part of model.laser.Laser that encodes items."""

    def encode_items(self, records: Sequence[Record]) -> EncodedItems: ...


def tokens_of(job: ItemsJob) -> int:
    """About how many tokens the text model will see."""
    characters = sum(len(str(value)) for record in job.records for value in record.values())
    return PASSES * (characters // CHARACTERS_PER_TOKEN + FRAME_TOKENS * len(job.records))


def encode_items(encoder: ItemEncoder, job: ItemsJob) -> list[EncodedItem]:
    """The job's items. Raises FloatingPointError if a vector is not finite."""
    items = encoder.encode_items(job.records)
    if not (np.isfinite(items.vectors).all() and np.isfinite(items.text_vectors).all()):
        raise FloatingPointError("the encoder returned a vector that is not finite")
    return [
        EncodedItem(*each) for each in zip(items.token_ids, items.text_vectors, items.vectors, strict=True)
    ]
