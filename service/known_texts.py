"""What one bundle has encoded to begin with, another one need not encode again.

The meanings of a catalogue's values are most of the work of loading a bundle, and bundles of one catalogue share nearly
all of them. While a recommender is made, its texts are looked up in those of the one that answers meanwhile, and noted
for the next; what users say later is not.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from model.vectors import Vectors
from service.frozen_texts import TextReader

NONE: Mapping[str, Vectors] = {}


class KnownTexts:
    """A TextReader with texts of another bundle to take from. Call `begun` once the recommender is made."""

    def __init__(self, reader: TextReader, before: "KnownTexts | None" = None) -> None:
        """`before` must be of the same frozen model and tokenise alike."""
        self._reader = reader
        self._before = NONE if before is None else before.first
        self._words = None if before is None else before.words()
        self._beginning = True
        self.first: dict[str, Vectors] = {}  # [D] each

    def begun(self) -> None:
        """Note no more, and let go of the other's."""
        self._beginning, self._before = False, NONE

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors float32 [n, D]."""
        if not self._beginning or not texts:
            return self._reader.vectors(texts)
        self.first |= {text: self._before[text] for text in texts if text in self._before}
        new = [text for text in dict.fromkeys(texts) if text not in self.first]
        if new:
            self.first |= dict(zip(new, self._reader.vectors(new), strict=True))
        return np.stack([self.first[text] for text in texts])

    def words(self) -> tuple[str, ...]:
        """The words that are single tokens, most frequent first."""
        if self._words is None:
            self._words = self._reader.words()
        return self._words
