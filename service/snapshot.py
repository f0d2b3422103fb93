"""The catalogue at one moment, with everything that is aligned with its rows.

A request reads its recommender's snapshot once and takes it along through every stage, so that a row means the same
item from the first lookup to the answer, whatever changes meanwhile. A change of the catalogue makes a new snapshot
(catalogue_changes.py) and leaves this one as it is.

Letters: n rows, V vector width, D text width, S sampled rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from index.bundle import Bundle
from index.catalog import Catalogue
from index.item_index import ItemIndex
from index.neighbours import Speaking
from index.stacked import Rows, TokenRows
from service.constraints import Vocabulary
from service.constraints.meaning import Meanings

SAMPLE = 1024  # items whose scores tell how far a user's scores spread


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Row r of every part is the item in row r of the catalogue."""

    catalogue: Catalogue
    index: ItemIndex
    vectors: Rows  # [n, V]
    text_vectors: Rows  # [n, D]
    token_ids: TokenRows
    neighbours: Speaking
    vocabulary: Vocabulary
    meanings: Meanings | None  # None: phrases enter the prompt as they are
    alive: NDArray[np.bool_] | None  # [n], False where an item was replaced or deleted; None: all are alive
    sample: NDArray[np.float32]  # [S, V], some of the vectors
    change: int  # number of the last catalogue change in it
    popularity: NDArray[np.float32] | None = None  # of the bundle's rows, how often each was taken

    @classmethod
    def of(
        cls, bundle: Bundle, index: ItemIndex, vocabulary: Vocabulary, meanings: Meanings | None = None
    ) -> "Snapshot":
        """A bundle as it was sealed."""
        return cls(
            catalogue=bundle.catalogue,
            index=index,
            vectors=bundle.vectors,
            text_vectors=bundle.text_vectors,
            token_ids=bundle.token_ids,
            neighbours=bundle.neighbours,
            vocabulary=vocabulary,
            meanings=meanings,
            alive=None,
            sample=bundle.vectors[:: max(1, len(bundle.vectors) // SAMPLE)],
            change=bundle.manifest.last_change,
            popularity=bundle.popularity,
        )

    @property
    def items(self) -> int:
        """How many items there are: rows that are not hidden."""
        return len(self.catalogue) if self.alive is None else int(self.alive.sum())

    def z(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """The unit vectors [k, D] of some rows, without what collaborative filtering adds to them."""
        return self.vectors[np.array(rows, np.int64)][:, : self.text_width]

    @cached_property
    def centre(self) -> NDArray[np.float32]:
        """float32 [D]: the mean z of the sample, what items share and what therefore tells none from another.

        Training may add one direction to all of them; by the plain cosine the few items that lie along it most are then
        similar to everything.
        """
        mean: NDArray[np.float32] = self.sample[:, : self.text_width].mean(axis=0)
        return mean

    @property
    def text_width(self) -> int:
        """D: z, which comes first in a vector [z ; a*c], is as wide as the text's."""
        return self.text_vectors.shape[1]
