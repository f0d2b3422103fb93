"""What is derived from one snapshot of the catalogue to look into it, each part made when it is first asked for.

`Views` keeps the newest: a catalogue change or another bundle makes a new snapshot, and so a new view.
"""

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from service.browse import insight, starters
from service.browse.insight_schemas import Expert, ItemMap, Popularity, Reach
from service.browse.profile import profile
from service.browse.schemas import ColumnProfile
from service.browse.title_search import TitleSearch
from service.browse.value_search import ValueSearch
from service.snapshot import Snapshot


@runtime_checkable
class Router(Protocol):
    """The part of model.laser.Laser that says which expert speaks for an item."""

    def item_experts(self, item_ids: Sequence[str]) -> NDArray[np.float32] | None: ...


class View:
    """One snapshot. Any thread may ask; what two ask at once may be made twice."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._experts: list[Expert] | None = None
        n = len(snapshot.catalogue)
        self.alive: NDArray[np.bool_] = np.ones(n, dtype=bool) if snapshot.alive is None else snapshot.alive

    @cached_property
    def titles(self) -> TitleSearch:
        """Search by title."""
        return TitleSearch(self.snapshot.catalogue)

    @cached_property
    def values(self) -> ValueSearch:
        """Search by value."""
        return ValueSearch(self.snapshot.catalogue, self.alive)

    @cached_property
    def columns(self) -> list[ColumnProfile]:
        """What each column holds."""
        return profile(self.snapshot.catalogue, self.alive)

    @cached_property
    def sample(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Some living rows [S], and the embeddings z of their items [S, D]."""
        rows = starters.sample(self.alive)
        return rows, self.snapshot.vectors[rows][:, : self.snapshot.text_width]

    @cached_property
    def starters(self) -> list[tuple[list[int], str]]:
        """Rows of a history and a sentence, a few times."""
        rows, vectors = self.sample
        found = starters.histories(vectors, rows)
        return list(zip(found, starters.sentences(self.snapshot.catalogue, found, self.alive), strict=True))

    @cached_property
    def map(self) -> ItemMap:
        """The sample in two dimensions."""
        return insight.item_map(self.snapshot.catalogue, *self.sample)

    @cached_property
    def reach(self) -> Reach:
        """What the sample's most similar items are."""
        return insight.reach(self.snapshot.catalogue, *self.sample)

    @cached_property
    def popularity(self) -> Popularity | None:
        """How interactions spread over the items; None where the bundle does not say."""
        counts = self.snapshot.popularity
        return None if counts is None else insight.popularity(counts[self.alive[: len(counts)]])

    def experts(self, encoder: object) -> list[Expert] | None:
        """What the router does with the sample; None where the encoder has none."""
        if self._experts is None and isinstance(encoder, Router):
            rows, _ = self.sample
            items = self.snapshot.catalogue
            shares = encoder.item_experts([items.item_ids[row] for row in rows])
            self._experts = None if shares is None else insight.experts(items, rows, shares)
        return self._experts


class Views:
    """The view of the snapshot that was asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: View | None = None

    def of(self, snapshot: Snapshot) -> View:
        """The view of this snapshot."""
        with self._lock:
            if self._newest is None or self._newest.snapshot is not snapshot:
                self._newest = View(snapshot)
            return self._newest
