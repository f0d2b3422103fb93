"""Sparse collaborative scores: which items follow which, kept as each item's strongest neighbours.

    score(i) = sum over history items j of decay ** (number of newer items) * W[j, i]

W comes from collective EASE (training/collective_ease.py). Cut to factors of an inner product it loses its sharpest
entries; cut to the strongest neighbours of each row it loses nothing, and the index can add it exactly.

An item that was not there when W was solved is attached by its text. In the ridge regression behind EASE such an item
is one more column, G^-1 g with g = strength * (text similarities), and only items of similar text matter to it; so
the system is solved over its nearest ones alone. What is near it recommends it, and it recommends what is near.
Text spreads over more neighbours than users do, so at equal sums an item that nobody took yet would lose every top ten
to items with users; `new_item_gain` evens that out (docs/experiments.md).

Letters: I vocabulary, n catalogue, M weights, D backbone width, S neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


class Table(Protocol):
    """Rows of vectors [n, D], wherever they lie."""

    def __getitem__(self, rows: Rows, /) -> Vectors: ...


class SparseRows(NamedTuple):
    """A sparse matrix by rows: row r holds `weights[starts[r]:starts[r + 1]]` at columns `rows[...]`."""

    starts: Rows  # int64 [n + 1]
    rows: NDArray[np.int32]  # [M]
    weights: Vectors  # [M]

    @classmethod
    def from_entries(cls, sources: Rows, targets: Rows, weights: Vectors, n: int) -> Self:
        """Entries in any order, at most one a cell; within a row columns ascend."""
        order = np.lexsort((targets, sources))
        starts = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(sources, minlength=n), out=starts[1:])
        return cls(starts, targets[order].astype(np.int32), weights[order].astype(np.float32))

    def entries(self) -> tuple[Rows, Rows, Vectors]:
        """Sources, targets and weights, [M] each."""
        sources = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        return sources, self.rows.astype(np.int64), self.weights

    def row(self, row: int) -> tuple[NDArray[np.int32], Vectors]:
        """Columns and weights of one row."""
        span = slice(self.starts[row], self.starts[row + 1])
        return self.rows[span], self.weights[span]


class NeighbourArrays(NamedTuple):
    """What an index stores: weights between catalogue rows, the fusion weight included."""

    starts: Rows  # int64 [n + 1]
    rows: NDArray[np.int32]  # [M]
    weights: Vectors  # [M]
    decay: float


class Ties(NamedTuple):
    """Weights between one item and others of a catalogue, the fusion weight included."""

    sources: Rows  # [A], who speaks for it
    into: Vectors  # [A]
    targets: Rows  # [B], for whom it speaks
    out: Vectors  # [B]


@dataclass(frozen=True)
class Neighbours:
    """W over the vocabulary, and what it takes to attach an item that was not there.

    `solved` marks the items the regression was over; `gram` holds their co-occurrence counts X'X, diagonal included.
    `text_strength` and `penalty` are those of the regression: how much equal text counts, in users, and the ridge.
    """

    weights: SparseRows  # [I, I], not negative, diagonal 0
    solved: NDArray[np.bool_]  # [I]
    gram: SparseRows  # [I, I]
    decay: float
    text_strength: float
    penalty: float
    new_item_gain: float = 2.0  # times the weights towards an item nobody took
    attached: int = 128  # S, how many neighbours an item gets by its text

    def placed(
        self, vocabulary_rows: Sequence[int | None], text_vectors: Vectors, weight: float
    ) -> NeighbourArrays:
        """W in the order of a catalogue: vocabulary row of each of its items (None: unknown), text vectors [n, D]."""
        n = len(vocabulary_rows)
        place = np.full(len(self.solved), -1, dtype=np.int64)  # vocabulary row -> catalogue row
        known = np.zeros(n, dtype=bool)
        for catalogue_row, row in enumerate(vocabulary_rows):
            if row is not None and self.solved[row]:
                place[row], known[catalogue_row] = catalogue_row, True
        sources, targets, weights = self.weights.entries()
        kept = (place[sources] >= 0) & (place[targets] >= 0)
        parts = [(place[sources[kept]], place[targets[kept]], weights[kept])]
        if known.any():
            taken = [row is not None and len(self.gram.row(row)[0]) > 0 for row in vocabulary_rows]
            gains = np.where(taken, 1.0, self.new_item_gain).astype(np.float32)
            solved = np.flatnonzero(place >= 0)
            parts += self._attach(np.flatnonzero(~known), gains, solved, place, text_vectors)
        joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
        table = SparseRows.from_entries(joined[0], joined[1], joined[2] * np.float32(weight), n)
        return NeighbourArrays(*table, self.decay)

    def ties(
        self, row: int | None, place: Rows, similar: Vectors, text_vectors: Table, weight: float
    ) -> Ties:
        """What `placed` would say of one item that a catalogue gets later: vocabulary row, or None if it is unknown.

        `place` [I] names the catalogue row of each solved item, -1 where it is not there; `similar` [n] is the
        similarity of the item's text with that of each catalogue row, `text_vectors` [n, D] are those.
        """
        if row is not None and self.solved[row]:
            sources, targets, weights = self.weights.entries()
            into, out = (targets == row) & (place[sources] >= 0), (sources == row) & (place[targets] >= 0)
            return Ties(
                place[sources[into]], weights[into] * np.float32(weight),
                place[targets[out]], weights[out] * np.float32(weight),
            )  # fmt: skip
        taken = row is not None and len(self.gram.row(row)[0]) > 0
        vocabulary = np.flatnonzero(place >= 0)
        there, weights = self._near(vocabulary, place, similar, text_vectors)
        gain = np.float32(1.0 if taken else self.new_item_gain)
        return Ties(there, weights * gain * np.float32(weight), there, weights * np.float32(weight))

    def _attach(
        self, new: Rows, gains: Vectors, vocabulary: Rows, place: Rows, text_vectors: Vectors
    ) -> list[tuple[Rows, Rows, Vectors]]:
        """Entries to and from each new catalogue row. `vocabulary` holds the solved rows, `place` where they stand."""
        found = []
        for row in new:
            there, weights = self._near(vocabulary, place, text_vectors @ text_vectors[row], text_vectors)
            here = np.full(len(there), row)
            found += [(there, here, weights * gains[row]), (here, there, weights)]
        return found

    def _near(
        self, vocabulary: Rows, place: Rows, similar: Vectors, text_vectors: Table
    ) -> tuple[Rows, Vectors]:
        """Catalogue rows of the solved items nearest to a text, and its weights with them; those above 0. [<= S]."""
        size = min(self.attached, len(vocabulary))
        if not size:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        rows = place[vocabulary]  # [I']
        near = np.argpartition(-similar[rows], size - 1)[:size]
        weights = self._solve(vocabulary[near], text_vectors[rows[near]], similar[rows[near]])
        used = weights > 0
        return rows[near[used]], weights[used]

    def _solve(self, rows: Rows, vectors: Vectors, similar: Vectors) -> Vectors:
        """(X'X + strength * Z Z' + penalty)^-1 strength * similar over a few solved rows; negative weights cut. [S]."""
        order = np.argsort(rows)
        spans = [np.arange(self.gram.starts[row], self.gram.starts[row + 1]) for row in rows]
        entries = np.concatenate(spans)
        columns = self.gram.rows[entries]
        found = np.minimum(np.searchsorted(rows[order], columns), len(rows) - 1)
        inside = rows[order][found] == columns
        lines = np.repeat(np.arange(len(rows)), [len(span) for span in spans])[inside]
        gram = np.float64(self.text_strength) * (vectors @ vectors.T)  # [S, S]
        gram[lines, order[found[inside]]] += self.gram.weights[entries[inside]]
        gram[np.diag_indices(len(rows))] += self.penalty
        solved = np.linalg.solve(gram, self.text_strength * similar.astype(np.float64))
        positive: Vectors = np.maximum(solved, 0).astype(np.float32)
        return positive
