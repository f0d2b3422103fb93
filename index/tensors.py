"""Arrays of a bundle, mapped from disk: read-only, not copied, and shared between the processes of one
machine."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
}

BLOCK = 65_536  # rows checked at a time


def all_finite(array: np.ndarray) -> bool:
    """True where no number is NaN or infinite; looks at a block of rows at a time, so that memory stays
    flat."""
    return all(bool(np.isfinite(array[start : start + BLOCK]).all()) for start in range(0, len(array), BLOCK))


@dataclass(frozen=True, eq=False)
class TokenTable:
    """Token ids of all items in one array: those of row r are `flat[offsets[r] : offsets[r + 1]]`."""

    flat: np.ndarray  # int32 [T]
    offsets: np.ndarray  # int64 [n + 1]

    def __post_init__(self) -> None:
        """Raises ValueError unless the offsets cut `flat` into rows and the ids are no negative numbers."""
        ends_meet = len(self.offsets) > 0 and self.offsets[0] == 0 and self.offsets[-1] == len(self.flat)
        if not ends_meet or (np.diff(self.offsets) < 0).any():
            raise ValueError("the token offsets do not rise from 0 to the number of tokens")
        if len(self.flat) and self.flat.min() < 0:
            raise ValueError("a token id is negative")

    @classmethod
    def from_lists(cls, token_ids: Sequence[Sequence[int]]) -> "TokenTable":
        """One row a list."""
        lengths = np.fromiter(map(len, token_ids), np.int64, len(token_ids))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        flat = np.fromiter((token for row in token_ids for token in row), np.int32, int(offsets[-1]))
        return cls(flat, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        """int32 [tokens of the row]. Raises IndexError outside 0..n-1."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is not in 0..{len(self) - 1}")
        return self.flat[self.offsets[row] : self.offsets[row + 1]]


def map_tensors(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a safetensors file, as views of the mapped file. Raises ValueError where it is not such a
    file.

    The format: header length (8 bytes, little-endian), JSON header of dtype, shape and byte range by name,
    then the data.
    """
    content = np.memmap(path, np.uint8, mode="r").view(np.ndarray)
    start = 8 + int.from_bytes(content[:8].tobytes(), "little")
    if start > len(content):
        raise ValueError("the header is longer than the file")
    header: Any = json.loads(content[8:start].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        kind, shape = TYPES[entry["dtype"]], tuple(entry["shape"])
        if not 0 <= begin <= end <= len(content) - start or end - begin != kind.itemsize * math.prod(shape):
            raise ValueError(f"tensor {name!r} does not fit its place")
        tensors[name] = content[start + begin : start + end].view(kind).reshape(shape)
    return tensors
