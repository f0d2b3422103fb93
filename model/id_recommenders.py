"""The ID-based sequential recommenders whose frozen states the M-Former reads: SASRec, BERT4Rec and GRU4Rec.

Kang & McAuley 2018 (SASRec), Sun et al. 2019 (BERT4Rec), Hidasi et al. 2016 (GRU4Rec). All three share one form:
an item table, an encoder that turns a history [B, N] of item tokens into states [B, N, H], and scores that are
the inner product of a state with the item table. Training lives in training/train_id_recommenders.py.

Tokens: 0 is padding, item row r is token r + 1, and I + 1 is BERT4Rec's mask. Histories are padded on the left,
so the newest item is always the last column and positions count back from the present.

Letters: B batch, N history, H recommender width, I items.
"""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.attention import SelfAttentionBlock, causal_mask

Kind = Literal["sasrec", "bert4rec", "gru4rec"]
PADDING = 0


@dataclass(frozen=True)
class IdRecommenderConfig:
    """Shape of one ID recommender. `blocks` are transformer blocks, or stacked GRU layers."""

    kind: Kind
    items: int
    width: int = 64
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.5
    max_length: int = 50

    def __post_init__(self) -> None:
        if self.kind not in ("sasrec", "bert4rec", "gru4rec"):
            raise ValueError(f"kind must be sasrec, bert4rec or gru4rec, not {self.kind!r}")
        for name in ("items", "width", "blocks", "heads", "max_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), not {self.dropout}")

    def to_dict(self) -> dict[str, object]:
        """The fields, ready for JSON."""
        return asdict(self)


def pad_histories(histories: list[NDArray[np.int64]], max_length: int) -> Tensor:
    """Tokens int64 [B, N] of item rows: the newest `max_length` of each history, padded on the left. N >= 1."""
    longest = max((min(len(history), max_length) for history in histories), default=0)
    tokens = np.full((len(histories), max(longest, 1)), PADDING, dtype=np.int64)
    for line, history in zip(tokens, histories, strict=True):
        kept = history[-max_length:]
        if len(kept):
            line[-len(kept) :] = kept + 1
    return torch.from_numpy(tokens)


class IdRecommender(nn.Module):
    """What the three share: the item table, the scores, and the interface the M-Former reads."""

    def __init__(self, config: IdRecommenderConfig) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.items + 2, config.width, padding_idx=PADDING)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.table.weight, std=0.02)
        with torch.no_grad():
            self.table.weight[PADDING].zero_()

    @property
    def item_vectors(self) -> Tensor:
        """The item table without padding and mask. [I, H]."""
        vectors: Tensor = self.table.weight[1 : self.config.items + 1]
        return vectors

    def states(self, tokens: Tensor) -> Tensor:
        """Encode histories [B, N] into one state a position. -> [B, N, H]."""
        raise NotImplementedError

    def user_vectors(self, tokens: Tensor) -> Tensor:
        """The state whose inner product with `item_vectors` scores the next item. [B, N] -> [B, H]."""
        return self.states(tokens)[:, -1]


class SASRec(IdRecommender):
    """Causal self-attention over the history; the state at the last position predicts the next item."""

    causal = True

    def __init__(self, config: IdRecommenderConfig) -> None:
        super().__init__(config)
        # One more position than the history: BERT4Rec appends a mask to a full history.
        self.positions = nn.Embedding(config.max_length + 1, config.width)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.blocks = nn.ModuleList(
            SelfAttentionBlock(config.width, config.heads, config.dropout) for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(config.width)

    def states(self, tokens: Tensor) -> Tensor:
        """Encode histories [B, N] into one state a position. -> [B, N, H]."""
        length = tokens.shape[1]
        from_the_end = torch.arange(length - 1, -1, -1, device=tokens.device)
        present = tokens != PADDING
        states = self.dropout(self.table(tokens) * self.config.width**0.5 + self.positions(from_the_end))
        visible = present[:, None, None, :]  # [B, 1, 1, N]
        if self.causal:
            visible = visible & causal_mask(length, tokens.device)
        for block in self.blocks:
            states = block(states, visible)
        normed: Tensor = self.norm(states)
        return normed * present[..., None]


class BERT4Rec(SASRec):
    """The same blocks without the causal mask, trained to fill masked positions; it predicts at an appended mask."""

    causal = False

    @property
    def mask_token(self) -> int:
        """The token that stands for "which item was here?"."""
        return self.config.items + 1

    def user_vectors(self, tokens: Tensor) -> Tensor:
        """Append a mask to each history and return its state. [B, N] -> [B, H]."""
        mask = torch.full((len(tokens), 1), self.mask_token, device=tokens.device)
        return self.states(torch.cat([tokens[:, -self.config.max_length :], mask], dim=1))[:, -1]


class GRU4Rec(IdRecommender):
    """A gated recurrent network over the history; its output is mapped back to the width of the table."""

    def __init__(self, config: IdRecommenderConfig) -> None:
        super().__init__(config)
        self.gru = nn.GRU(config.width, 2 * config.width, num_layers=config.blocks, batch_first=True)
        self.out = nn.Linear(2 * config.width, config.width)
        self.norm = nn.LayerNorm(config.width)

    def states(self, tokens: Tensor) -> Tensor:
        """Encode histories [B, N] into one state a position. -> [B, N, H].

        Left padding runs through the network first, so the embedded padding must leave the state where it was:
        rows are shifted to start at column 0, encoded, and shifted back.
        """
        present = tokens != PADDING  # [B, N]
        length = tokens.shape[1]
        offset = (~present).sum(dim=1, keepdim=True)  # [B, 1] padding columns on the left
        columns = torch.arange(length, device=tokens.device)[None, :]
        to_left = (columns + offset).clamp(max=length - 1)
        shifted = tokens.gather(1, to_left)
        outputs, _ = self.gru(self.dropout(self.table(shifted) * self.config.width**0.5))
        states = self.norm(self.out(self.dropout(outputs)))  # [B, N, H]
        to_right = (columns - offset).clamp(min=0)[..., None].expand(-1, -1, states.shape[-1])
        aligned: Tensor = states.gather(1, to_right) * present[..., None]
        return aligned


def build_id_recommender(config: IdRecommenderConfig) -> IdRecommender:
    """A freshly initialised recommender of the configured kind."""
    kinds: dict[Kind, type[IdRecommender]] = {"sasrec": SASRec, "bert4rec": BERT4Rec, "gru4rec": GRU4Rec}
    return kinds[config.kind](config)
