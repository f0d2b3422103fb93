"""The frozen ID recommenders behind one door, and the item ids they know.

Outside, items are `item_id` strings; here they are rows of the vocabulary the recommenders were trained on. An item
they never saw has no row and is skipped: its text speaks for it alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.id_recommenders import PADDING, IdRecommender, pad_histories

Rows = NDArray[np.int64]


class Collaborative:
    """Named frozen recommenders over one vocabulary; gives the M-Former its states.

    `warm` marks the items that occur in training interactions; the others have untrained rows and count as unknown.
    """

    def __init__(
        self, recommenders: Mapping[str, IdRecommender], item_ids: Sequence[str], warm: NDArray[np.bool_]
    ) -> None:
        for name, recommender in recommenders.items():
            if recommender.config.items != len(item_ids):
                raise ValueError(
                    f"{name} knows {recommender.config.items} items, the vocabulary {len(item_ids)}"
                )
        self.recommenders = {
            name: module.eval().requires_grad_(False) for name, module in recommenders.items()
        }
        self.item_ids = tuple(item_ids)
        self.warm = warm
        self._row = {item_id: row for row, item_id in enumerate(self.item_ids) if warm[row]}

    @property
    def state_widths(self) -> dict[str, int]:
        """Width of each source's states: a position's state and its item's own vector, side by side."""
        return {name: 2 * module.config.width for name, module in self.recommenders.items()}

    def row(self, item_id: str | None) -> int | None:
        """Row of an item the recommenders know, else None."""
        return None if item_id is None else self._row.get(item_id)

    def rows(self, item_ids: Sequence[str | None]) -> Rows:
        """Rows of the known ones among the ids, in order. int64 [<= N]."""
        known = [row for row in map(self.row, item_ids) if row is not None]
        return np.array(known, dtype=np.int64)

    @torch.no_grad()
    def states(
        self, histories: Sequence[Rows], sources: Sequence[str], max_history: int
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """States of the newest `max_history` rows: one float32 [B, N, 2H] a source, and bool [B, N], left-padded.

        A position's state says what tends to follow it, its item's vector which item it is. An item is encoded as
        the history of itself, and its vector is what users' states are matched against: the M-Former needs both.
        A recommender that reaches less far back than `max_history` bounds N.
        """
        reach = [self.recommenders[name].config.max_length for name in sources]
        tokens = pad_histories(list(histories), min([max_history, *reach]))
        states = []
        for name in sources:
            module = self.recommenders[name]
            table = module.table(tokens.to(module.table.weight.device))
            states.append(torch.cat([module.states(tokens.to(table.device)), table], dim=-1))
        return tuple(states), tokens != PADDING
