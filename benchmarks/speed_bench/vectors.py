"""Catalogues of any size to search in.

They are clustered, as real ones are: unit length, around 1,000 centres, as far from their centre as that is long.
Queries lie as near to an item.
"""

from typing import NamedTuple

import numpy as np

CENTRES = 1000
BLOCK = 50_000  # vectors drawn at a time


class Vectors(NamedTuple):
    """A catalogue and queries, of unit length."""

    items: np.ndarray  # float32 [I, V]
    queries: np.ndarray  # float32 [B, V]


def draw(items: int, width: int, queries: int, seed: int) -> Vectors:
    """The same for the same numbers."""
    rng = np.random.default_rng(seed)
    centres = _unit(rng.standard_normal((CENTRES, width), np.float32))
    vectors = np.empty((items, width), np.float32)
    for start in range(0, items, BLOCK):
        part = vectors[start : start + BLOCK]
        part[:] = _near(centres[rng.integers(0, CENTRES, len(part))], rng)
    return Vectors(vectors, _near(vectors[rng.integers(0, items, queries)], rng))


def _near(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _unit(vectors + _unit(rng.standard_normal(vectors.shape, np.float32)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
