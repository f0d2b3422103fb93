"""Bi-Tuning: a frozen text model with learned virtual tokens at both ends of its input (3.1.2, eq. 1-2).

    [p_1 .. p_P | text tokens | s]  ->  output at s  ->  embedding z, unit length

The prefix carries what the M-Former extracts from collaborative states; the suffix s is one learned token whose
output is the embedding. One module holds everything trainable for one side; users and items share it in phase 1.

Three read-outs. "suffix" is the paper's: z = normalize(h_s). "residual", for encoders: z = normalize(mean + W h_s),
where the mean is that of the history's frozen item vectors, weighted by recency, and W starts at zero, so training
starts exactly from zero-shot retrieval; a sentence joins the mean (sentence_head.py). "mean" averages the text tokens'
outputs, the paper's ablation.

Letters: B batch, T text tokens, N history, P prefix, D backbone width.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.backbone import Backbone
from model.config import LaserConfig
from model.m_former import MFormer, Routing
from model.sentence_head import SentenceHead


class Prompted(NamedTuple):
    """A batch of users (an item is a user whose history is that item), padded."""

    tokens: Tensor  # int64 [B, T], padded on the right
    text_present: Tensor  # bool [B, T]
    states: tuple[Tensor, ...]  # one float [B, N, H] a collaborative source
    states_present: Tensor  # bool [B, N]
    text_vectors: Tensor  # float [B, N, D], frozen item vectors of the history, newest last
    vectors_present: Tensor  # bool [B, N]
    sentence_vector: Tensor  # float [B, D], frozen vector of the constraint sentence, zero without one

    def to(self, device: torch.device) -> "Prompted":
        """The same batch on another device."""
        return Prompted(
            self.tokens.to(device),
            self.text_present.to(device),
            tuple(state.to(device) for state in self.states),
            self.states_present.to(device),
            self.text_vectors.to(device),
            self.vectors_present.to(device),
            self.sentence_vector.to(device),
        )


class Embedded(NamedTuple):
    """Embeddings of a batch, what the router did (None without an M-Former), and what z was summed from."""

    z: Tensor  # float32 [B, D], unit length
    routing: Routing | None
    base: Tensor | None = None  # float32 [B, D]: where the residual read-out starts
    added: Tensor | None = None  # float32 [B, D]: what it adds; z = normalize(base + added)


class BiTuning(nn.Module):
    """The trainable part of Laser for one side: prefix, suffix, M-Former and read-out."""

    def __init__(self, config: LaserConfig, source_widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.config = config
        prefix_tokens = config.m_former.prefix_tokens
        with_base = config.base_prefix or not source_widths
        self.base_prefix = nn.Parameter(torch.randn(prefix_tokens, width) * 0.05) if with_base else None
        self.m_former = MFormer(config.m_former, source_widths, width) if source_widths else None
        self.suffix = nn.Parameter(torch.randn(width) * 0.05, requires_grad=config.suffix == "learned")
        if config.read_out == "residual":
            self.residual = nn.Linear(width, width, bias=False)
            nn.init.zeros_(self.residual.weight)
            self.decay_logit = nn.Parameter(torch.logit(torch.tensor(config.decay)))
            self.sentence_weight = nn.Parameter(torch.tensor(0.5))
        # Still but in a phase of its own (training/sentence_phase.py).
        self.sentence_head = SentenceHead(width).requires_grad_(False) if config.sentence_head else None

    def forward(self, backbone: Backbone, batch: Prompted) -> Embedded:
        """Embed a batch: virtual tokens around the text, one pass of the frozen backbone, the read-out."""
        prefix, routing = self._prefix(batch)  # [B, P, D]
        if self.config.read_out == "mean":
            hidden = self._run(backbone, prefix, batch, None)  # [B, P + T + 1, D]
            text = hidden[:, prefix.shape[1] : -1].float() * batch.text_present[..., None]
            return Embedded(functional.normalize(text.sum(dim=1), dim=-1), routing)
        ends = prefix.shape[1] + batch.text_present.sum(dim=1)  # the suffix follows the last text token
        suffix = self._run(backbone, prefix, batch, ends).float()  # h_s, [B, D]
        if self.config.read_out == "suffix":
            return Embedded(functional.normalize(suffix, dim=-1), routing)
        base, added = self.base(batch), self.residual(suffix)
        return Embedded(functional.normalize(base + added, dim=-1), routing, base, added)

    def base(self, batch: Prompted) -> Tensor:
        """The residual read-out's start: the history and the sentence, unit length or 0. [B, D]."""
        return self.joined(self.history(batch), batch.sentence_vector)

    def history(self, batch: Prompted) -> Tensor:
        """The recency-weighted mean of the history's frozen item vectors, unit length, 0 without any. [B, D]."""
        newer = (
            batch.vectors_present.flip(1).cumsum(dim=1).flip(1)
        )  # 1 for the newest present item, then 2, ...
        weights = torch.sigmoid(self.decay_logit) ** (newer - 1) * batch.vectors_present
        return functional.normalize((batch.text_vectors * weights[..., None]).sum(dim=1), dim=-1)

    def joined(self, history: Tensor, sentence: Tensor) -> Tensor:
        """`history` [B, D] and the frozen vector of each sentence [B, D], 0 without one -> [B, D]."""
        alone = ~history.any(dim=1, keepdim=True)
        weight = torch.where(alone, 1.0, self.sentence_weight)  # [B, 1]
        said = sentence * weight if self.sentence_head is None else self.sentence_head(sentence, weight)
        return functional.normalize(history + said, dim=-1)

    def start(self, backbone: Backbone) -> None:
        """Give a new side what it takes over from the backbone: the frozen end token, where that is its suffix."""
        if self.config.suffix == "end":
            with torch.no_grad():
                self.suffix.copy_(backbone.end_embedding)

    def _prefix(self, batch: Prompted) -> tuple[Tensor, Routing | None]:
        size = len(batch.tokens)
        if self.m_former is None:
            assert self.base_prefix is not None
            return self.base_prefix.expand(size, -1, -1), None
        prefix, routing = self.m_former(batch.states, batch.states_present)
        return (prefix if self.base_prefix is None else prefix + self.base_prefix), routing

    def _run(self, backbone: Backbone, prefix: Tensor, batch: Prompted, ends: Tensor | None) -> Tensor:
        """[prefix | text | suffix] through the backbone, the suffix right behind each row's last text token.

        -> [B, P + T + 1, D], or [B, D] at `ends`.
        """
        size, length = batch.tokens.shape
        count = prefix.shape[1]
        device = batch.tokens.device
        lengths = batch.text_present.sum(dim=1, keepdim=True)  # [B, 1]
        room = torch.zeros(size, 1, dtype=torch.long, device=device)
        text = backbone.embedding(torch.cat([batch.tokens, room], dim=1))  # [B, T + 1, D]
        columns = torch.arange(length + 1, device=device)[None, :]
        text = torch.where((columns == lengths)[..., None], self.suffix.to(text.dtype), text)
        present = columns <= lengths
        embeddings = torch.cat([prefix.to(text.dtype), text], dim=1)
        mask = torch.cat([torch.ones(size, count, dtype=torch.bool, device=device), present], dim=1)
        # Encoders with a position table keep the text's own positions: the prefix shares position 0 with its first
        # token. Causal models number everything in order.
        before = (
            torch.arange(count, device=device)
            if backbone.causal
            else torch.zeros_like(columns[0, :1]).expand(count)
        )
        after = columns[0] + (count if backbone.causal else 0)
        positions = torch.cat([before, after])[None, :].expand(size, -1)
        hidden: Tensor = backbone(embeddings, mask, positions, ends)
        return hidden


@torch.inference_mode()
def frozen_text_vectors(backbone: Backbone, tokens: Tensor, present: Tensor) -> Tensor:
    """Mean of the frozen backbone's outputs over the present tokens [B, T], unit length. -> float32 [B, D]."""
    positions = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
    hidden = backbone(backbone.embedding(tokens), present, positions).float()
    return functional.normalize((hidden * present[..., None]).sum(dim=1), dim=-1)
