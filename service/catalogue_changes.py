"""What catalogue changes do to a snapshot: put an item, or delete it. The old snapshot stays as it is.

    put      a new row behind all others; the row that the item had is hidden
    delete   the row is hidden

An item whose text stays the same keeps its vectors and is not encoded again.

Letters: n rows, of which the bundle has some; V vector width, D text width.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from index.columns import fold, is_missing, spell
from index.delta import Delta
from index.live_catalogue import LiveCatalogue
from index.live_index import LiveIndex
from index.neighbours import Neighbours
from index.stacked import Stacked, StackedTokens
from model.attacher import Attacher
from service.catalogue_neighbours import Move, NeighbourChanges
from service.constraints.catalogue_words import Value
from service.history import Record
from service.item_encoding import EncodedItem
from service.snapshot import Snapshot


class Put(NamedTuple):
    """An item as it shall be, with what the encoder made of it."""

    item_id: str
    record: Record
    encoded: EncodedItem


class Delete(NamedTuple):
    """An item that shall be gone."""

    item_id: str


class CatalogueChanges:
    """Changes of one recommender's catalogue, from its bundle on. One writer at a time."""

    def __init__(
        self, base: Snapshot, neighbours: Neighbours, attacher: Attacher | None, text_fields: Sequence[str]
    ) -> None:
        """`base` is the bundle as it was sealed, `neighbours` its own; `text_fields` make an item's text."""
        self._base = base
        self._fields = tuple(dict.fromkeys(("title", *text_fields)))
        self._delta = Delta(base.catalogue.columns, base.vectors.shape[1], base.text_width)
        self._neighbours = NeighbourChanges(neighbours, base.catalogue, attacher)

    def known(self, snapshot: Snapshot, record: Record) -> EncodedItem | None:
        """What the encoder made of the item before, if its text is the same as now."""
        row = snapshot.catalogue.row(str(record["item_id"]))
        if row is None:
            return None
        before = snapshot.catalogue.record(row)
        if any(before.get(name) != record.get(name) for name in self._fields):
            return None
        return EncodedItem(
            snapshot.token_ids[row].tolist(), snapshot.text_vectors[row], snapshot.vectors[row]
        )

    def apply(self, snapshot: Snapshot, changes: Sequence[Put | Delete], last: int) -> Snapshot:
        """The snapshot after these changes, of different items, the last of which has the number `last`.

        `snapshot` is the newest there is. Raises ValueError for vectors that cannot be.
        """
        found = [snapshot.catalogue.row(change.item_id) for change in changes]
        changes = [c for c, row in zip(changes, found, strict=True) if isinstance(c, Put) or row is not None]
        if not changes:
            return replace(snapshot, change=last)
        puts = [change for change in changes if isinstance(change, Put)]
        values = self._new_values(puts)
        same = {put.item_id for put in puts if self.known(snapshot, put.record) is not None}
        first = len(self._base.catalogue) + len(self._delta.records)
        self._append(puts)
        place = {put.item_id: row for row, put in enumerate(puts, first)}
        moves = [
            Move(c.item_id, snapshot.catalogue.row(c.item_id), place.get(c.item_id), c.item_id in same)
            for c in changes
        ]
        alive = np.zeros(first + len(puts), bool)  # what a failed attempt appended stays hidden
        alive[: len(snapshot.catalogue)] = True if snapshot.alive is None else snapshot.alive
        alive[[move.before for move in moves if move.before is not None]] = False
        alive[first:] = True
        return self._grown(snapshot, alive, moves, values, last)

    def _grown(
        self,
        snapshot: Snapshot,
        alive: np.ndarray,
        moves: Sequence[Move],
        values: Sequence[tuple[str, str]],
        last: int,
    ) -> Snapshot:
        """The snapshot whose rows are `alive` (bool [n])."""
        base, delta = self._base, self._delta
        count = len(alive) - len(base.catalogue)
        catalogue = LiveCatalogue(base.catalogue, delta, count, alive)
        vectors, texts = delta.vectors(count), delta.text_vectors(count)
        text_vectors = Stacked(_array(base.text_vectors), texts)
        new = [Value(name, value, len(catalogue.terms(name).rows_of(value))) for name, value in values]
        return replace(
            snapshot,
            catalogue=catalogue,
            index=LiveIndex(base.index, vectors, alive),
            vectors=Stacked(_array(base.vectors), vectors),
            text_vectors=text_vectors,
            token_ids=StackedTokens(base.token_ids, delta.token_ids, count),
            neighbours=self._neighbours.apply(moves, text_vectors),
            vocabulary=snapshot.vocabulary.of(catalogue, new),
            alive=alive,
            change=last,
        )

    def _append(self, puts: Sequence[Put]) -> None:
        if puts:
            self._delta.append(
                [put.record for put in puts],
                np.stack([put.encoded.vector for put in puts]),
                np.stack([put.encoded.text_vector for put in puts]),
                [put.encoded.tokens for put in puts],
            )

    def _new_values(self, puts: Sequence[Put]) -> list[tuple[str, str]]:
        """Column and value of everything that no item had before."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for name in self._base.vocabulary.values.columns:
            before = self._base.catalogue.terms(name).codes
            since = self._delta.columns.terms(name).codes
            for put in puts:
                value = put.record.get(name)
                for part in value if isinstance(value, list) else [value]:
                    folded = "" if is_missing(part) else fold(spell(part))
                    if folded and folded not in before and folded not in since:
                        found.setdefault((name, folded), (name, spell(part).strip()))
        return list(found.values())


def _array(rows: object) -> np.ndarray:
    assert isinstance(rows, np.ndarray), "a bundle's rows lie in one array"
    return rows
