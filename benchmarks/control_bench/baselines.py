"""What the service is held against, beside requests to itself: keywords, the sentence as a prompt, the sentence alone.

- Keywords: every value of the catalogue whose words stand in the sentence becomes a filter, nothing else does: no
  negation, no numbers, no other spellings.
- Prompt: the sentence is appended to the user's prompt, as language-model recommenders do; no filter, no steering.
- Sentence alone: nearest items to the sentence by the frozen text vectors; the history only excludes what was seen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.control_bench.cases import Condition
from benchmarks.control_bench.service import Answer
from benchmarks.control_bench.world import WORDS
from index.bundle import Bundle
from index.catalog import Catalogue
from index.columns import fold
from index.item_index import open_index
from model.laser import Laser
from model.vectors import History

BATCH = 32  # users encoded at once


class Keywords:
    """Finds the catalogue's values in sentences; of overlapping ones the longest."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._places: dict[tuple[str, ...], tuple[str, str]] = {}  # words -> column, value
        for name, column in catalogue.columns.items():
            if column.kind in WORDS:
                for text in catalogue.terms(name).values:
                    self._places.setdefault(_words(text), (name, text))
        self._places.pop((), None)
        self._longest = max(map(len, self._places), default=0)

    def filter(self, sentence: str) -> Condition | None:
        """Values of one column are alternatives, columns must all match; None where no value is found."""
        words, start = _words(sentence), 0
        found: dict[str, list[str]] = {}
        while start < len(words):
            for length in range(min(self._longest, len(words) - start), 0, -1):
                if place := self._places.get(words[start : start + length]):
                    column, value = place
                    found.setdefault(column, []).append(value)
                    start += length
                    break
            else:
                start += 1
        must = [{"key": column, "in": values} for column, values in found.items()]
        return {"must": must} if must else None


class DirectSearch:
    """The same checkpoint and the same vectors, without a service that looks at sentences."""

    def __init__(self, laser: Laser, bundle: Bundle) -> None:
        self._laser = laser
        self._bundle = bundle
        self._fused = open_index(bundle.vectors, "cpu")
        self._text = open_index(bundle.text_vectors, "cpu")

    def prompted(self, histories: Sequence[Sequence[int]], sentences: Sequence[str], k: int) -> list[Answer]:
        """The k best unseen items for each history with its sentence in the prompt."""
        answers: list[Answer] = []
        for start in range(0, len(histories), BATCH):
            part = slice(start, start + BATCH)
            users = [
                self._history(history, sentence)
                for history, sentence in zip(histories[part], sentences[part], strict=True)
            ]
            vectors = self._laser.encode_users(users)  # [B, V]
            boosts = [self._bundle.neighbours.boosts(history) for history in histories[part]]
            masks = [self._unseen(history) for history in histories[part]]
            found = self._fused.search(vectors, k, masks, boosts)
            answers += [_answer(rows) for rows in found.rows]
        return answers

    def by_sentence(
        self, histories: Sequence[Sequence[int]], sentences: Sequence[str], k: int
    ) -> list[Answer]:
        """The k unseen items whose text is nearest to each sentence."""
        vectors = self._laser.encode_items([{"title": sentence} for sentence in sentences]).text_vectors
        masks = [self._unseen(history) for history in histories]
        return [_answer(rows) for rows in self._text.search(vectors, k, masks).rows]

    def _history(self, rows: Sequence[int], sentence: str) -> History:
        kept = rows[-self._laser.max_history :]
        return History(
            tuple(self._bundle.catalogue.item_ids[row] for row in kept),
            tuple(self._bundle.token_ids[row].tolist() for row in kept),
            self._bundle.text_vectors[list(kept)],
            self._laser.tokenize_constraint(sentence),
        )

    def _unseen(self, history: Sequence[int]) -> NDArray[np.bool_]:
        mask = np.ones(len(self._bundle.catalogue), dtype=bool)
        mask[list(history)] = False
        return mask


def _answer(rows: NDArray[np.int64]) -> Answer:
    return Answer(tuple(row for row in rows.tolist() if row >= 0))


def _words(text: str) -> tuple[str, ...]:
    """Folded words, marks dropped at their ends."""
    return tuple(bare for word in fold(text).split() if (bare := word.strip(".,;:!?()\"'")))
