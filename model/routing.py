"""Which expert speaks for an item: the router of the M-Former (eq. 6-7) asked alone, without backbone and prefix.

An item is encoded as the history of itself, so its experts are those of that history.

Letters: n items, K experts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from model.laser import Laser

BATCH = 512


@torch.inference_mode()
def item_experts(laser: "Laser", item_ids: Sequence[str]) -> NDArray[np.float32] | None:
    """float32 [n, K], the share of each expert in each item, summing to 1; None where the Laser has no M-Former.

    Items that the ID recommenders do not know all get the shares of the null token.
    """
    former = laser.item_side.m_former
    if former is None:
        return None
    device = former.null.device
    found = [np.zeros((0, former.config.experts), np.float32)]
    for start in range(0, len(item_ids), BATCH):
        histories = [laser.collaborative.rows([item_id]) for item_id in item_ids[start : start + BATCH]]
        states, present = laser.collaborative.states(histories, laser.config.sources, 1)
        shares = former.expert_shares([state.to(device) for state in states], present.to(device))  # [B, K]
        found.append(shares.float().cpu().numpy())
    return np.concatenate(found)
