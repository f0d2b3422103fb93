"""Slips of the pen: the words of values that a word nobody knows is one or two edits away from.

Edits are insertions, deletions, substitutions and swaps of neighbours (rapidfuzz, optimal string alignment). Words are
compared as they are written and as stems, so that a slip in an ending ("Nials") is found like any other.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import ceil

from rapidfuzz import process
from rapidfuzz.distance import OSA

from service.constraints.tokens import stem_of, tokenize

SIMILAR = (
    0.749  # least similarity, 1 - edits / letters of the longer word; rounding must not lose an exact 0.75
)
SHORT, SHORT_SIMILAR = 8, 0.799  # words below so many letters may have one edit
SHORTEST = 4  # letters of a word with a slip
MOST = 4  # words that one may be a misspelling of
KEPT = 4096  # words whose corrections are remembered


class Spelling:
    """The words of a catalogue's values. Immutable once built."""

    def __init__(self, values: Iterable[str]) -> None:
        self._stems: dict[str, str] = {}  # form -> stem
        for value in values:
            for token in tokenize(value):
                if len(token.word) >= SHORTEST and token.word.isalpha():
                    self._stems[token.word] = token.stem
                    self._stems.setdefault(token.stem, token.stem)
        self._forms = sorted(self._stems, key=lambda form: (len(form), form))
        self.corrections = lru_cache(KEPT)(self._corrections)

    def _corrections(self, word: str) -> tuple[tuple[str, float], ...]:
        """Stems that the word may be meant as, with their similarity in (0, 1), best first."""
        if len(word) < SHORTEST:
            return ()
        best: dict[str, float] = {}
        for written in dict.fromkeys((word, stem_of(word))):
            least = SIMILAR if len(written) >= SHORT else SHORT_SIMILAR
            near = self._of_length(len(written), least)
            for form, similarity, _ in process.extract(
                written, near, scorer=OSA.normalized_similarity, score_cutoff=least, limit=MOST
            ):
                stem = self._stems[form]
                best[stem] = max(best.get(stem, 0.0), float(similarity))
        single = _once(word)  # of equal ones, a letter written twice or once is the likeliest slip: "hottel"
        ranked = sorted(best.items(), key=lambda entry: (-entry[1], _once(entry[0]) != single, entry[0]))
        return tuple(ranked[:MOST])

    def _of_length(self, letters: int, least: float) -> Sequence[str]:
        """Forms whose length alone does not rule them out."""
        shortest, longest = ceil(least * letters), int(letters / least)
        return self._forms[
            bisect_left(self._forms, shortest, key=len) : bisect_right(self._forms, longest, key=len)
        ]


def _once(word: str) -> str:
    """The word with every letter that is doubled written once."""
    return "".join(letter for letter, before in zip(word, " " + word, strict=False) if letter != before)
