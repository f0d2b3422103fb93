"""Laser, whole: the frozen backbone, the two trained sides, the frozen ID recommenders and the fusion.

This is what re-indexing and the service hold. Differs from the paper: items and users end with different weights
(phase 2 moves the users only), so both sets are kept, and the item matrix can be made again for new items.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.attacher import Attacher
from model.backbone import Backbone
from model.bi_tuning import BiTuning
from model.collaborative import Collaborative
from model.config import LaserConfig, PromptConfig
from model.encoder import TextEncoder
from model.fused_maps import fuse_maps
from model.fusion import Fusion
from model.neighbours import NeighbourArrays
from model.outline import Outline
from model.routing import item_experts
from model.vectors import EncodedItems, History, Progress, Record, Vectors
from model.whitening import Whitening


@dataclass
class Laser:
    """Encodes items and users into float32 vectors [., V]; their inner product, plus the neighbours, is the score.

    `collaborative` gives the M-Former its states; the fusion has recommenders of its own, trained on more.

    Threads may encode side by side, each with its own `use_cores`.
    """

    config: LaserConfig
    backbone: Backbone
    item_side: BiTuning
    user_side: BiTuning
    collaborative: Collaborative
    fusion: Fusion
    fingerprint: str
    whitening: Whitening | None = None

    def __post_init__(self) -> None:
        self.text = TextEncoder(self.config, self.backbone)
        self.text.whitening = self.whitening
        self._lengths = self.text.prompts.lengths(self.config.max_history)
        self.item_side.eval().requires_grad_(False)
        self.user_side.eval().requires_grad_(False)

    def fuse(self) -> None:
        """From now on, encode in the quickest way there is here; what trained these weights must be done with them."""
        self.backbone.fuse()
        for side in (self.item_side, self.user_side) if self.on_cpu else ():
            if side.m_former is not None:
                fuse_maps(side.m_former)

    @property
    def width(self) -> int:
        """V: the backbone's width D and the fusion's columns C."""
        return self.backbone.width + self.fusion.width

    @property
    def text_fields(self) -> tuple[str, ...]:
        """The record fields that make an item's text; a change in any of them asks for a new vector."""
        return self.config.text_fields

    @property
    def reading(self) -> tuple[str, PromptConfig]:
        """What decides the frozen vector of a text: the backbone, and how texts are cut."""
        return self.backbone.fingerprint, self.config.prompt

    @property
    def on_cpu(self) -> bool:
        """Whether the backbone runs on the processor."""
        return self.backbone.device.type == "cpu"

    @property
    def on_calling_thread(self) -> bool:
        """Whether the thread that asks for vectors is the one that computes them."""
        return True

    def use_cores(self, cores: int) -> None:
        """What the calling thread encodes from now on runs on so many cores, an operation at a time."""
        torch.set_num_threads(cores)

    @property
    def max_history(self) -> int:
        """Items beyond it are dropped, oldest first."""
        return self.config.max_history

    def prompt_tokens(self, items: Sequence[int], sentence: int = 0) -> int:
        """What a history costs the backbone, in tokens: of items, oldest first, and a sentence of so many tokens."""
        virtual = self.config.m_former.prefix_tokens + 1
        return self._lengths.of(items[-self.max_history :], sentence) + virtual

    def tokenize_constraint(self, sentence: str) -> tuple[int, ...]:
        """Token ids of a constraint sentence; () if nothing readable is in it."""
        return self.text.prompts.sentence(sentence)

    def encode_items(self, records: Sequence[Record], progress: Progress | None = None) -> EncodedItems:
        """Everything an index stores of items: token ids, frozen text vectors, item vectors `[z ; a*c]`."""
        token_ids = self.text.item_tokens(records)
        text_vectors = self.text.text_vectors(token_ids)
        item_ids = [_item_id(record) for record in records]
        histories = [
            History((item_id,), (tokens,), vector[None, :])
            for item_id, tokens, vector in zip(item_ids, token_ids, text_vectors, strict=True)
        ]
        z = self.text.embed(self.item_side, histories, self.collaborative, progress)
        columns = self.fusion.item_columns(item_ids, text_vectors)
        return EncodedItems(token_ids, text_vectors, np.concatenate([z, columns], axis=1))

    def neighbours(self, item_ids: Sequence[str | None], text_vectors: Vectors) -> NeighbourArrays | None:
        """The sparse scores that the index adds to the inner product, between the items of a catalogue.

        `text_vectors` [n, D] are those of `encode_items`. None where the fusion has no neighbours.
        """
        return self.fusion.placed_neighbours(item_ids, text_vectors)

    def attacher(self) -> Attacher | None:
        """What ties an item to a catalogue that it joins later; None where the fusion has no neighbours."""
        return self.fusion.attacher()

    def item_experts(self, item_ids: Sequence[str]) -> NDArray[np.float32] | None:
        """float32 [n, K], the share of each expert in each item; None where there is no M-Former (routing.py)."""
        return item_experts(self, item_ids)

    def outline(self) -> Outline:
        """What there is to know of it besides its vectors."""
        return Outline(
            self.config,
            self.fingerprint,
            self.backbone.fingerprint,
            self.width,
            self._lengths,
            self.attacher(),
        )

    def encode_users(self, histories: Sequence[History]) -> Vectors:
        """User vectors float32 [B, V]; their inner products with item vectors are the scores."""
        z = self.text.embed(self.user_side, histories, self.collaborative)
        rows = [self.fusion.collaborative.rows(h.item_ids[-self.max_history :]) for h in histories]
        return np.concatenate([z, self.fusion.user_columns(rows)], axis=1)


def _item_id(record: Record) -> str | None:
    item_id = record.get("item_id")
    return item_id if isinstance(item_id, str) else None
