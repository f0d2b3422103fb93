"""Recommending by text alone, on fixed item vectors: near the history's mean, or near any one of its items.

The vectors are an argument: TF-IDF rows (sparse) or those of a frozen text model (dense), both of unit
length, so that an inner product is a cosine. Nothing is learned from interactions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from training.baselines.scorer import Matrix, Rows, Scores, dense, recency_matrix

__all__ = ["TextMax", "TextMean", "joined_text", "tfidf_vectors"]

SIMILARITY_BYTES = 256 << 20  # at most this much of the item-item similarity is held at once


@dataclass(frozen=True)
class TextMean:
    """Cosine to the recency-weighted sum of the history's item vectors (the sum ranks as the mean does)."""

    name: str
    vectors: Matrix  # [I, D]
    decay: float = 0.5

    def score(self, histories: Sequence[Rows]) -> Scores:
        profiles = recency_matrix(histories, self.vectors.shape[0], self.decay) @ self.vectors  # [B, D]
        return dense(profiles @ self.vectors.T)  # [B, I]


@dataclass(frozen=True)
class TextMax:
    """The largest decay ** (number of newer items) * cosine over the history's items; 0 without a history."""

    name: str
    vectors: Matrix  # [I, D]
    decay: float = 0.7

    def score(self, histories: Sequence[Rows]) -> Scores:
        n_items = self.vectors.shape[0]
        scores = np.zeros((len(histories), n_items), dtype=np.float32)
        for start, stop in _runs(histories, SIMILARITY_BYTES // (4 * max(1, n_items))):
            known, inverse = np.unique(np.concatenate(histories[start:stop]), return_inverse=True)
            similarity = dense(self.vectors[known] @ self.vectors.T)  # [known, I]
            place = 0
            for user in range(start, stop):
                length = len(histories[user])
                if length == 0:
                    continue
                rows = inverse[place : place + length]
                weights = self.decay ** np.arange(length - 1, -1, -1, dtype=np.float32)  # [N]
                np.max(similarity[rows] * weights[:, None], axis=0, out=scores[user])
                place += length
        return scores


def tfidf_vectors(texts: Sequence[str]) -> csr_array:
    """Unit-length TF-IDF rows [I, words] of lower-cased words of two letters or more, with sublinear counts.

    A text without any word, and every text of a catalogue without any, is a row of zeros.
    """
    vectorizer = TfidfVectorizer(sublinear_tf=True, dtype=np.float32)
    try:
        return csr_array(vectorizer.fit_transform(texts))
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        return csr_array((len(texts), 1), dtype=np.float32)


def joined_text(record: Mapping[str, object], fields: Sequence[str]) -> str:
    """The words of an item record's text fields, in order.

    A list contributes each of its elements, a missing field nothing.
    """
    parts: list[str] = []
    for field in fields:
        value = record.get(field)
        elements = value if isinstance(value, list) else [value]
        parts.extend(str(element) for element in elements if element is not None)
    return " ".join(parts)


def _runs(histories: Sequence[Rows], max_rows: int) -> list[tuple[int, int]]:
    """Cut the users into runs of at most max_rows history entries, but at least one user, each."""
    runs: list[tuple[int, int]] = []
    start = entries = 0
    for user, history in enumerate(histories):
        if user > start and entries + len(history) > max_rows:
            runs.append((start, user))
            start, entries = user, 0
        entries += len(history)
    return [*runs, (start, len(histories))] if len(histories) else []
