"""Who speaks for whom, as the catalogue changes: see index/live_neighbours.py for nodes and rows.

An item that users made known keeps its node, and with it its neighbours, whatever happens to its text, and finds it
again when it comes back after a deletion. Any other item is attached by its text, and anew when its text changes.

Letters: n rows, I vocabulary, D text width.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from index.catalog import Catalogue
from index.live_neighbours import Links, LiveNeighbours
from index.neighbours import Neighbours
from index.stacked import Stacked
from model.attacher import Attacher

NO_LINKS = Links(np.empty(0, np.int64), np.empty(0, np.float32))


class Move(NamedTuple):
    """An item leaves a row, takes one, or both."""

    item_id: str
    before: int | None
    after: int | None
    same_text: bool = False


class NeighbourChanges:
    """Keeps the neighbours of one recommender's catalogue up to date. One writer."""

    def __init__(self, base: Neighbours, catalogue: Catalogue, attacher: Attacher | None) -> None:
        """Of the bundle's `catalogue`; without an attacher new items have no neighbours."""
        self._catalogue = catalogue
        self._attacher = attacher
        self._place = attacher.place(catalogue.item_ids) if attacher else np.empty(0, np.int64)  # [I], nodes
        self._current = LiveNeighbours.of(base)

    def apply(self, moves: Sequence[Move], text_vectors: Stacked) -> LiveNeighbours:
        """The neighbours after these moves. `text_vectors` [n, D] are of all rows, those that are taken included."""
        grown = np.full(len(text_vectors) - len(self._current.node_of), -1, np.int64)
        node_of = np.concatenate([self._current.node_of, grown])  # [n]
        row_of = np.concatenate([self._current.row_of, grown])  # [n]
        links, place = dict(self._current.links), self._place.copy()
        for item_id, before, after, same_text in moves:
            solved = self._attacher.solved(item_id) if self._attacher else None
            node = int(node_of[before]) if before is not None else self._base_node(item_id, solved)
            if before is not None:
                row_of[node] = -1
            if solved is not None:
                place[solved] = -1
            if after is None:
                continue
            if node is None or not (same_text or solved is not None):
                node = after
                self._tie(links, item_id, node, place, text_vectors)
            node_of[after], row_of[node] = node, after
            if solved is not None:
                place[solved] = node
        self._place = place
        self._current = LiveNeighbours(self._current.base, node_of, row_of, links)
        return self._current

    def _base_node(self, item_id: str, solved: int | None) -> int | None:
        """The node that a known item of the bundle has while it is not there."""
        return None if solved is None else self._catalogue.row(item_id)

    def _tie(
        self, links: dict[int, Links], item_id: str, node: int, place: np.ndarray, text_vectors: Stacked
    ) -> None:
        """Link a new node with those that are there, both ways."""
        if self._attacher is None:
            return
        similar = text_vectors.products(text_vectors[node])  # [n]
        ties = self._attacher.ties(item_id, place, similar, text_vectors)
        links[node] = Links(ties.targets, ties.out)
        for source, weight in zip(ties.sources.tolist(), ties.into, strict=True):
            so_far = links.get(source, NO_LINKS)
            links[source] = Links(np.append(so_far.nodes, node), np.append(so_far.weights, weight))
