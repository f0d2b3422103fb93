"""What goes into Laser and what comes out: records and histories, token ids and vectors (NumPy alone, no torch).

Letters: N history, D backbone width, V vector width.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Record = Mapping[str, object]
Progress = Callable[[int], None]


class History(NamedTuple):
    """One user, oldest item first; the three sequences have one entry an item (there may be none)."""

    item_ids: tuple[str | None, ...]  # None: an item known by its text alone
    token_ids: tuple[Sequence[int], ...]
    text_vectors: Vectors  # [N, D]
    constraint: tuple[int, ...] = ()  # token ids of a sentence, () without one


class EncodedItems(NamedTuple):
    """What an index stores of n items."""

    token_ids: list[list[int]]
    text_vectors: Vectors  # [n, D], unit length: the frozen backbone's reading of the text
    vectors: Vectors  # [n, V]
