"""Whitening of frozen text vectors: the catalogue's common direction out, all others to the same spread.

Sentence encoders put every item of one catalogue into a narrow cone; after whitening the cosine looks at what tells
items apart (Zhang et al. 2024, WhitenRec). Fitted once on the catalogue, kept in the checkpoint, and applied to items,
free titles and sentences alike.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Whitening(NamedTuple):
    """x -> normalize((x - mean) @ map)."""

    mean: Vectors  # [D]
    map: Vectors  # [D, D]

    def apply(self, vectors: Vectors) -> Vectors:
        """Unit-length whitened vectors, float32 [n, D]; a vector equal to the mean stays zero."""
        white = (vectors - self.mean) @ self.map
        norms = np.linalg.norm(white, axis=1, keepdims=True)
        result: Vectors = white / np.maximum(norms, 1e-6)
        return result


def fit_whitening(vectors: Vectors, shrinkage: float = 0.03) -> Whitening:
    """Fit on unit vectors [n, D]. `shrinkage` times the mean variance is added to every direction, so that few items
    (n < D) or a flat direction never blow up noise."""
    mean = vectors.mean(axis=0)
    centred = (vectors - mean).astype(np.float64)
    values, axes = np.linalg.eigh(centred.T @ centred / max(len(vectors) - 1, 1))
    spread = np.sqrt(np.maximum(values, 0) + shrinkage * max(float(values.mean()), 1e-12))
    return Whitening(mean, (axes / spread).astype(np.float32))
