"""Words of texts, and the rows that have them: found by how a word begins, or by how it may have been meant.

Case, accents and punctuation do not count.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

ONE_SLIP, TWO_SLIPS = 3, 8  # letters of a word from which so many slips of the pen are forgiven
BEGUN = 4  # letters from which a word that is still being typed may hold a slip
ALIKE = 50  # spellings that a word is taken for, at most
LAST = "\U0010ffff"
BREAKS = re.compile(r"[\W_]+")

Mask = NDArray[np.bool_]


def fold(text: str) -> str:
    """Lower case without accents; whatever is neither letter nor digit becomes one space."""
    letters = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return BREAKS.sub(" ", "".join(letters)).strip()


class WordIndex:
    """Who has which word. Immutable: any thread may look."""

    def __init__(self, texts: Iterable[tuple[int, str]], rows: int) -> None:
        """`texts` are folded, with the row of each, of `rows` rows."""
        rows_of: defaultdict[str, list[int]] = defaultdict(list)
        for row, text in texts:
            for word in text.split():
                rows_of[word].append(row)
        self._words = sorted(rows_of)
        self._rows_of = {word: np.array(found) for word, found in rows_of.items()}
        self._rows = rows

    def having(self, words: Iterable[str], slips: bool = False) -> Mask:
        """bool [rows]: for each of the words a word of the row begins with it, or with what it may stand for."""
        mask = np.ones(self._rows, dtype=bool)
        for word in words:
            spellings = self._meant(word) if slips else self._begun(word)
            one = np.zeros(self._rows, dtype=bool)
            for spelling in spellings:
                one[self._rows_of[spelling]] = True
            mask &= one
        return mask

    def _begun(self, word: str) -> list[str]:
        return self._words[bisect_left(self._words, word) : bisect_left(self._words, word + LAST)]

    def _meant(self, word: str) -> list[str]:
        """Words that begin with it or nearly so: few slips, and the first letter right, as it mostly is."""
        forgiven = (len(word) >= ONE_SLIP) + (len(word) >= TWO_SLIPS)
        first = self._begun(word[0])
        near = process.extract(
            word, first, scorer=OSA.distance, score_cutoff=forgiven, limit=ALIKE, processor=None
        )
        found = {spelling for spelling, _, _ in near} | {*self._begun(word)}
        if len(word) >= BEGUN:
            starts = {each[: len(word)] for each in first}
            near = process.extract(
                word, starts, scorer=OSA.distance, score_cutoff=forgiven, limit=ALIKE, processor=None
            )
            found |= {each for start, _, _ in near for each in self._begun(start)}
        return sorted(found)
