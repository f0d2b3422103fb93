"""From items and histories to vectors: what re-indexing and the service call.

    items:     record -> token ids, frozen text vector, item vector
    users:     history (stored token ids and text vectors) + sentence -> user vector

The inner product of a user vector and an item vector is the score. Items are encoded with the item-side weights
(phase 1's best), users with the user-side weights (phase 2).

Letters: B batch, T text tokens, N history, D backbone width, V vector width.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.backbone import Backbone
from model.bi_tuning import BiTuning, Embedded, Prompted, frozen_text_vectors
from model.collaborative import Collaborative
from model.config import LaserConfig
from model.prompts import Prompts, item_text
from model.vectors import History, Progress, Record, Vectors
from model.whitening import Whitening


class TextEncoder:
    """Tokenises and batches; shared by serving, re-indexing and training."""

    def __init__(self, config: LaserConfig, backbone: Backbone, tokens_per_batch: int = 2048) -> None:
        self.config = config
        self.backbone = backbone
        self.tokens_per_batch = tokens_per_batch
        self.whitening: Whitening | None = None  # fitted on the catalogue by training, or loaded
        # Virtual tokens take positions too where the backbone numbers everything in order.
        virtual = config.m_former.prefix_tokens + 1 if backbone.causal else 1
        self.prompts = Prompts(backbone.tokenizer, config.prompt, backbone.max_positions - virtual)

    def item_tokens(self, records: Sequence[Record]) -> list[list[int]]:
        """Token ids of each item's text."""
        return self.prompts.items([item_text(record, self.config.text_fields) for record in records])

    def text_vectors(
        self,
        token_ids: Sequence[Sequence[int]],
        progress: Progress | None = None,
        longest: int | None = None,
    ) -> Vectors:
        """Frozen vectors float32 [n, D] of texts, whitened once a whitening is there.

        Of each text the first `longest` tokens are read, an item's `vector_tokens` unless said otherwise.
        """
        longest = longest or self.config.prompt.vector_tokens
        prompts = [self.prompts.plain(tokens[:longest]) for tokens in token_ids]
        vectors = np.zeros((len(prompts), self.backbone.width), dtype=np.float32)
        for rows in self.batches([len(prompt) for prompt in prompts]):
            tokens, present = pad_tokens([prompts[row] for row in rows])
            device = self.backbone.device
            vectors[rows] = (
                frozen_text_vectors(self.backbone, tokens.to(device), present.to(device)).cpu().numpy()
            )
            if progress:
                progress(len(rows))
        return vectors if self.whitening is None else self.whitening.apply(vectors)

    def collate(
        self,
        histories: Sequence[History],
        collaborative: Collaborative,
        prompts: Sequence[Sequence[int]] | None = None,
    ) -> Prompted:
        """Pad a batch of histories into tensors, with the prompts made of them, if they are there already."""
        kept = self.config.max_history
        tokens, text_present = pad_tokens(prompts or [self._prompt(history) for history in histories])
        rows = [collaborative.rows(h.item_ids[-kept:]) for h in histories]
        states, states_present = collaborative.states(rows, self.config.sources, kept)
        vectors, vectors_present = pad_vectors(
            [h.text_vectors[-kept:] for h in histories], self.backbone.width
        )
        # Explicit: while transformers loads another model in 16 bits, these are the default of all threads.
        sentences = torch.zeros(len(histories), self.backbone.width, dtype=torch.float32)
        spoken = [row for row, history in enumerate(histories) if history.constraint]
        if spoken:
            said = [histories[row].constraint for row in spoken]
            longest = self.config.prompt.constraint_tokens
            sentences[spoken] = torch.from_numpy(self.text_vectors(said, longest=longest))
        batch = Prompted(tokens, text_present, states, states_present, vectors, vectors_present, sentences)
        return batch.to(self.backbone.device)

    def _prompt(self, history: History) -> list[int]:
        return self.prompts.prompt(history.token_ids[-self.config.max_history :], history.constraint)

    def batches(self, lengths: Sequence[int]) -> Iterator[NDArray[np.int64]]:
        """Row numbers in batches of similar length within the budget of padded tokens, longest first."""
        order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
        start = 0
        while start < len(order):
            size = max(1, self.tokens_per_batch // max(1, lengths[order[start]]))
            yield order[start : start + size]
            start += size

    @torch.inference_mode()
    def embed(
        self,
        side: BiTuning,
        histories: Sequence[History],
        collaborative: Collaborative,
        progress: Progress | None = None,
    ) -> Vectors:
        """Embeddings z float32 [B, D] of histories with one side's weights."""
        embedded = np.zeros((len(histories), self.backbone.width), dtype=np.float32)
        for rows, batch in self._read(side, histories, collaborative, progress):
            embedded[rows] = batch.z.float().cpu().numpy()
        return embedded

    @torch.inference_mode()
    def residual_parts(
        self, side: BiTuning, histories: Sequence[History], collaborative: Collaborative
    ) -> tuple[Vectors, Vectors]:
        """What the residual read-out sums: (where it starts, what it adds), float32 [B, D] each."""
        base, added = np.zeros((2, len(histories), self.backbone.width), dtype=np.float32)
        for rows, batch in self._read(side, histories, collaborative):
            assert batch.base is not None, "only the residual read-out has parts"
            assert batch.added is not None
            base[rows], added[rows] = batch.base.cpu().numpy(), batch.added.cpu().numpy()
        return base, added

    def _read(
        self,
        side: BiTuning,
        histories: Sequence[History],
        collaborative: Collaborative,
        progress: Progress | None = None,
    ) -> Iterator[tuple[NDArray[np.int64], Embedded]]:
        """The histories in batches of similar length: their rows, and what the side makes of them."""
        if side.training:  # going through its modules takes a millisecond
            side.eval()
        virtual = self.config.m_former.prefix_tokens + 1
        prompts = [self._prompt(history) for history in histories]
        for rows in self.batches([len(prompt) + virtual for prompt in prompts]):
            batch = self.collate(
                [histories[row] for row in rows], collaborative, [prompts[row] for row in rows]
            )
            yield rows, side(self.backbone, batch)
            if progress:
                progress(len(rows))


def pad_tokens(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids int64 [B, T] padded on the right with 0, and bool [B, T] where text is."""
    lengths = torch.tensor([len(prompt) for prompt in prompts], dtype=torch.long)
    tokens = np.zeros((len(prompts), max(map(len, prompts), default=0)), np.int64)
    for line, prompt in zip(tokens, prompts, strict=True):
        line[: len(prompt)] = prompt
    present = torch.arange(tokens.shape[1])[None, :] < lengths[:, None]
    return torch.from_numpy(tokens), present


def pad_vectors(vectors: Sequence[Vectors], width: int) -> tuple[Tensor, Tensor]:
    """Vectors float32 [B, N, width] padded on the left (N >= 1), and bool [B, N] where one is."""
    longest = max(1, max(map(len, vectors), default=1))
    padded = np.zeros((len(vectors), longest, width), dtype=np.float32)
    present = np.zeros((len(vectors), longest), dtype=bool)
    for row, some in enumerate(vectors):
        if len(some):
            padded[row, -len(some) :] = some
            present[row, -len(some) :] = True
    return torch.from_numpy(padded), torch.from_numpy(present)
