"""Neighbours between items that move: an item keeps its neighbours when it is given a new row.

Weights lie between nodes. A node is an item as the neighbours know it, numbered by the first row it had: for the items
of the bundle that row, for later ones the row they were appended at. Two tables turn rows into nodes and back, so that
an item that is put again takes its weights along, both ways, and a deleted one is spoken for no more.

Letters: n rows of the bundle, m appended, N history, E weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from index.neighbours import Neighbours, Speaking, Spoken


class Links(NamedTuple):
    """Nodes that one node speaks for, and how much."""

    nodes: np.ndarray  # int64 [E]
    weights: np.ndarray  # float32 [E], >= 0


@dataclass(frozen=True, eq=False)
class LiveNeighbours(Speaking):
    """The bundle's neighbours, and what was linked since."""

    base: Neighbours  # between nodes 0..n-1
    node_of: np.ndarray  # int64 [n + m], by row
    row_of: (
        np.ndarray
    )  # int64 [n + m], by node; -1 where the item is not there any more, or there is no such node
    links: Mapping[int, Links]  # by node, besides those of the bundle

    @classmethod
    def of(cls, base: Neighbours) -> "LiveNeighbours":
        """A bundle's, with nothing changed yet."""
        rows = np.arange(len(base))
        return cls(base, rows, rows, {})

    def spoken_for(self, history: Sequence[int]) -> Spoken:
        """See Speaking; `rows` int64."""
        items = np.asarray(history, np.int64)  # [N]
        if len(items) and not 0 <= items.min() <= items.max() < len(self.node_of):
            raise IndexError(f"a history row is not in 0..{len(self.node_of) - 1}")
        positions, nodes, weights = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
        for position, node in enumerate(self.node_of[items].tolist()):
            age = self.base.decay ** (len(items) - 1 - position)
            for found in self._links(node):
                positions.append(np.full(len(found.nodes), position))
                nodes.append(found.nodes)
                weights.append(found.weights * np.float64(age))
        rows = self.row_of[np.concatenate(nodes)]
        there = rows >= 0
        return Spoken(np.concatenate(positions)[there], rows[there], np.concatenate(weights)[there])

    def _links(self, node: int) -> list[Links]:
        """What a node speaks for: in the bundle, and since."""
        found = [self.links[node]] if node in self.links else []
        if node < len(self.base):
            span = slice(self.base.starts[node], self.base.starts[node + 1])
            found.append(Links(self.base.rows[span].astype(np.int64), self.base.weights[span]))
        return found
