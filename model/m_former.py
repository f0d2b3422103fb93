"""M-Former: the mixture-of-experts querying transformer that turns collaborative states into a prefix (3.2).

Frozen ID recommenders give states C_u [B, N, H] per source. A router (eq. 6-7) picks the best of K experts; the
expert's P learned queries go through transformer blocks, every other one with cross-attention to C_u, and a
linear map makes them P prefix tokens of the backbone's width (eq. 5).

Several sources: one linear map and one learned type vector each, concatenated along the sequence, one router over
all tokens; how the paper feeds several is unpublished. A single source has neither map nor type, as in the paper.

Differs from the paper: the prefix is multiplied by the router's gate, because an arg max alone leaves the router
without a gradient from the recommendation loss. Collaborative tokens are layer-normalised before router and
cross-attention, because the scale of a recommender's states is arbitrary. Padding counts neither in the router's
mean nor in the balance. A user without collaborative state is read through a learned null token.

Letters: B batch, N history, C collaborative tokens over all sources, P prefix, K experts, W width of the M-Former.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from model.attention import Attention, FeedForward, SelfAttentionBlock
from model.config import MFormerConfig


class Routing(NamedTuple):
    """What the router did, for the load-balancing loss (eq. 9-11) and for people."""

    probabilities: Tensor  # float [B, C, K], softmax over experts per collaborative token (eq. 6)
    present: Tensor  # bool [B, C], False for padding
    chosen: Tensor  # int64 [B, top_k], the experts used, best first


class QueryBlock(nn.Module):
    """Self-attention among the queries; where `crossing`, cross-attention to the collaborative tokens follows."""

    def __init__(self, config: MFormerConfig, context_width: int, crossing: bool) -> None:
        super().__init__()
        self.self_block = SelfAttentionBlock(config.width, config.heads, config.dropout)
        self.crossing = crossing
        if crossing:
            self.norm = nn.LayerNorm(config.width)
            self.cross = Attention(config.width, config.heads, config.dropout, context_width)
            self.feed_norm = nn.LayerNorm(config.width)
            self.feed_forward = FeedForward(config.width, config.dropout)

    def forward(self, queries: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        """queries [B, P, W], context [B, C, context width], visible bool [B, 1, 1, C] -> [B, P, W]."""
        return self.read(self.confer(queries), context, visible)

    def confer(self, queries: Tensor) -> Tensor:
        """The queries among themselves. [B, P, W] -> [B, P, W]."""
        everything = torch.ones(1, 1, 1, queries.shape[1], dtype=torch.bool, device=queries.device)
        conferred: Tensor = self.self_block(queries, everything)
        return conferred

    def read(self, queries: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        """The queries over the context, where this block is `crossing`. Shapes as in `forward`."""
        if self.crossing:
            queries = queries + self.cross(self.norm(queries), context, visible)
            queries = queries + self.feed_forward(self.feed_norm(queries))
        return queries


class MFormer(nn.Module):
    """Collaborative states of one or several sources -> prefix [B, P, backbone width]."""

    def __init__(self, config: MFormerConfig, source_widths: Sequence[int], backbone_width: int) -> None:
        super().__init__()
        if not source_widths:
            raise ValueError("the M-Former needs at least one collaborative source")
        self.config = config
        several = len(source_widths) > 1
        context_width = config.width if several else source_widths[0]
        self.maps = nn.ModuleList(nn.Linear(width, context_width) for width in source_widths if several)
        self.types = nn.Parameter(torch.randn(len(self.maps), context_width) * 0.02)
        self.null = nn.Parameter(torch.randn(context_width) * 0.02)
        self.norm = nn.LayerNorm(context_width)
        self.router = nn.Linear(context_width, config.experts, bias=False)  # W_r of eq. 6
        self.queries = nn.Parameter(torch.randn(config.experts, config.prefix_tokens, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            QueryBlock(config, context_width, crossing=index % 2 == 0) for index in range(config.blocks)
        )
        self.out_norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, backbone_width)

    def forward(self, states: Sequence[Tensor], present: Tensor) -> tuple[Tensor, Routing]:
        """states: one [B, N, H] a source; present bool [B, N]. -> (prefix [B, P, D], routing)."""
        context, visible = self._context(states, present)  # [B, C, W], [B, C]
        routing = self._route(context, visible)
        batch, top_k = routing.chosen.shape
        shares = self._shares(routing)  # [B, K]
        gates = shares.gather(1, routing.chosen)  # [B, top_k]
        if self.config.gate == "straight_through":
            gates = gates / gates.sum(dim=1, keepdim=True).detach()
        queries = self._opening(routing.chosen.flatten())  # [B * top_k, P, W]
        context = context.repeat_interleave(top_k, dim=0)
        mask = visible.repeat_interleave(top_k, dim=0)[:, None, None, :]
        queries = cast(QueryBlock, self.blocks[0]).read(queries, context, mask)
        for block in self.blocks[1:]:
            queries = block(queries, context, mask)
        prefixes = self.out(self.out_norm(queries)).unflatten(0, (batch, top_k))  # [B, top_k, P, D]
        return (prefixes * gates[..., None, None]).sum(dim=1), routing

    def expert_shares(self, states: Sequence[Tensor], present: Tensor) -> Tensor:
        """Eq. 7 alone, for people to look at: states and present as in `forward` -> float [B, K]."""
        return self._shares(self._route(*self._context(states, present)))

    def _opening(self, chosen: Tensor) -> Tensor:
        """Queries of the chosen experts [X] after the first block's self-attention. -> [X, P, W].

        Nothing of a user is in them yet: once an expert is enough, unless dropout makes every row another.
        """
        first = cast(QueryBlock, self.blocks[0])
        if self.training or len(chosen) < len(self.queries):
            return first.confer(self.queries[chosen])
        return first.confer(self.queries)[chosen]

    def _context(self, states: Sequence[Tensor], present: Tensor) -> tuple[Tensor, Tensor]:
        """All sources along one sequence, the null token first; it is seen only where nothing else is."""
        if len(self.maps):
            mapped = [
                source_map(source) + kind
                for source_map, source, kind in zip(self.maps, states, self.types, strict=True)
            ]
        else:
            (single,) = states
            mapped = [single]
        tokens = self.norm(torch.cat(mapped, dim=1))
        null = self.null.expand(len(present), 1, -1)
        visible = present.repeat(1, len(mapped))
        nothing = ~present.any(dim=1, keepdim=True)
        return torch.cat([null, tokens], dim=1), torch.cat([nothing, visible], dim=1)

    def _route(self, context: Tensor, visible: Tensor) -> Routing:
        probabilities = self.router(context).softmax(dim=-1)  # eq. 6, [B, C, K]
        routing = Routing(probabilities, visible, torch.empty(0))
        chosen = self._shares(routing).topk(self.config.top_k, dim=1).indices
        return routing._replace(chosen=chosen)

    @staticmethod
    def _shares(routing: Routing) -> Tensor:
        """Mean probability of each expert over a user's present tokens (eq. 7). [B, K]."""
        weights = routing.present[..., None].to(routing.probabilities.dtype)
        return (routing.probabilities * weights).sum(dim=1) / weights.sum(dim=1)
