"""Multi-head attention and the pre-norm feed-forward block shared by the ID recommenders and the M-Former.

One attention for both uses: self-attention when queries and context are the same tensor, cross-attention
when they are not. Masks are boolean, True where a query may look; a row with nothing to look at returns zeros
instead of NaN, so that an empty history stays a number.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Scaled dot-product attention of queries [B, Q, width] over a context [B, C, context_width]."""

    def __init__(self, width: int, heads: int, dropout: float, context_width: int | None = None) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not divisible by {heads} heads")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(context_width or width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        """Mix the context into each query; `visible` is boolean, broadcastable to [B, 1, Q, C]. -> [B, Q, width]."""
        query = self._split(self.query(queries))  # [B, heads, Q, width/heads]
        key, value = map(self._split, self.key_value(context).chunk(2, dim=-1))  # [B, heads, C, width/heads]
        # A query that may see nothing would be 0/0: let it see everything, then silence it.
        sighted = visible.any(dim=-1, keepdim=True)  # [B, 1, Q, 1]
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=visible | ~sighted, dropout_p=self.dropout if self.training else 0.0
        )
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2)) * sighted[:, 0]
        return result

    def _split(self, states: Tensor) -> Tensor:
        """[B, T, width] -> [B, heads, T, width/heads]."""
        batch, length, width = states.shape
        return states.view(batch, length, self.heads, width // self.heads).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear maps with a GELU between them, the inner one four times as wide. [..., width] -> [..., width]."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(width, 4 * width)
        self.outer = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Apply the two maps position by position."""
        mapped: Tensor = self.outer(self.dropout(functional.gelu(self.inner(states))))
        return mapped


class SelfAttentionBlock(nn.Module):
    """Pre-norm transformer block: x + attention(norm(x)), then x + feed_forward(norm(x))."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, visible: Tensor) -> Tensor:
        """states [B, T, width], visible broadcastable to [B, 1, T, T] -> [B, T, width]."""
        normed = self.attention_norm(states)
        states = states + self.dropout(self.attention(normed, normed, visible))
        mapped: Tensor = self.dropout(self.feed_forward(self.feed_forward_norm(states)))
        return states + mapped


def causal_mask(length: int, device: torch.device) -> Tensor:
    """Boolean [T, T], True where column <= row: a position sees itself and what came before."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()
