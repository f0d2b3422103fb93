"""A BERT encoder's forward pass on a CPU, arranged for speed: the same weights and function, less traffic of memory.

- Padding is dropped: everything but attention runs over the present tokens of the batch in one row after the other.
- Queries, keys and values are one matrix product.
- Where one state a row is wanted, the last layer is computed for it alone.
- GELU and the residual sum are done by oneDNN inside the product before them, while its result is in the cache.

16 prompts of 75 to 105 tokens took 142 ms of one core's time in bfloat16 as transformers runs them, 126 ms so, and
109 ms with one state a row; in float32 444 ms and 318 ms.

For inference only; training goes through transformers. Results differ by rounding.

Letters: B batch, T tokens, D width, H heads, M present tokens of the batch.
"""

from typing import NamedTuple, TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel, PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer

ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


class Layer(NamedTuple):
    """One layer's weights; each pair is (weight, bias)."""

    queries_keys_values: tuple[Tensor, Tensor]  # [3D, D], [3D]
    mixed: tuple[Tensor, Tensor]  # [D, D]
    attention_norm: nn.LayerNorm
    inner: tuple[Tensor, Tensor]  # [4D, D]
    outer: tuple[Tensor, Tensor]  # [D, 4D]
    norm: nn.LayerNorm


class Packing(NamedTuple):
    """Where the present tokens of a padded batch are."""

    size: int  # B
    length: int  # T
    rows: Tensor  # int64 [M] of B * T: the present ones
    places: Tensor  # int64 [B * T] of M; padding has the place of the token before it, and is masked
    mask: Tensor  # [B, 1, 1, T], -inf at padding


class FusedBert:
    """The forward pass of `model`, a BertModel; shares its weights, but for a copy of queries, keys and values."""

    def __init__(self, model: BertModel) -> None:
        self._embeddings = model.embeddings
        self._heads = int(model.config.num_attention_heads)
        self._layers = [_layer(cast(BertLayer, layer)) for layer in model.encoder.layer]

    @staticmethod
    def can_run(model: PreTrainedModel) -> TypeGuard[BertModel]:
        """Whether `model` is what this pass computes: a plain BERT encoder on a CPU, in float32 or bfloat16."""
        config = model.config
        plain = config.model_type == "bert" and config.hidden_act == "gelu" and not config.is_decoder
        return plain and model.device.type == "cpu" and model.dtype in (torch.float32, torch.bfloat16)

    def __call__(
        self, embeddings: Tensor, present: Tensor, positions: Tensor, ends: Tensor | None = None
    ) -> Tensor:
        """As Backbone.forward: [B, T, D], bool [B, T] with a token in each row, int64 [B, T] -> [B, T, D], or [B, D]
        at `ends`, for which the last layer is computed there alone."""
        own = self._embeddings
        packing = _pack(present, embeddings.dtype)
        hidden = embeddings + own.token_type_embeddings.weight[0] + own.position_embeddings(positions)
        packed: Tensor = own.LayerNorm(hidden.flatten(0, 1)[packing.rows])  # [M, D]
        whole, last = (self._layers, None) if ends is None else (self._layers[:-1], self._layers[-1])
        for layer in whole:
            joint = functional.linear(packed, *layer.queries_keys_values)[packing.places]  # [B * T, 3D]
            mixed = self._attend(packing, *joint.chunk(3, dim=1))[packing.rows]  # [M, D]
            packed = _finish(layer, mixed, packed)
        if ends is None or last is None:
            return packed[packing.places].view(embeddings.shape)
        starts = torch.arange(packing.size) * packing.length
        read = packed[packing.places[starts + ends]]  # [B, D]
        weight, bias = last.queries_keys_values
        width = len(bias) // 3
        queries = functional.linear(read, weight[:width], bias[:width])  # [B, D]
        joint = functional.linear(packed, weight[width:], bias[width:])[packing.places]  # [B * T, 2D]
        return _finish(last, self._attend(packing, queries, *joint.chunk(2, dim=1)), read)

    def _attend(self, packing: Packing, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Mix the values [B * T, D] for each of the queries [B * Q, D], Q the same for each row. -> [B * Q, D].

        Written out: at these lengths two products and a softmax are quicker than the fused kernel.
        """
        split = (
            each.view(packing.size, -1, self._heads, each.shape[1] // self._heads)
            .transpose(1, 2)
            .flatten(0, 1)
            for each in (queries, keys, values)
        )
        asked, known, worth = split  # [B * H, Q or T, D / H]
        scores = torch.bmm(asked, known.transpose(1, 2)).mul_(asked.shape[-1] ** -0.5)
        scores = scores.view(packing.size, self._heads, -1, packing.length).add_(packing.mask)
        mixed = torch.bmm(scores.softmax(dim=-1).flatten(0, 1), worth)  # [B * H, Q, D / H]
        return (
            mixed.view(packing.size, self._heads, -1, mixed.shape[-1]).transpose(1, 2).reshape(queries.shape)
        )


def _pack(present: Tensor, dtype: torch.dtype) -> Packing:
    size, length = present.shape
    places = (present.flatten().cumsum(dim=0) - 1).clamp(min=0)
    mask = torch.zeros(size, 1, 1, length, dtype=dtype)
    mask.masked_fill_(~present[:, None, None, :], -torch.inf)
    return Packing(size, length, present.flatten().nonzero().squeeze(1), places, mask)


def _finish(layer: Layer, mixed: Tensor, before: Tensor) -> Tensor:
    """What follows attention: its output map, the feed-forward map, the two sums and norms. [M, D] -> [M, D]."""
    states = layer.attention_norm(_linear_plus(mixed, layer.mixed, before))
    finished: Tensor = layer.norm(_linear_plus(_linear_gelu(states, layer.inner), layer.outer, states))
    return finished


def _layer(layer: BertLayer) -> Layer:
    attention = layer.attention
    parts = (attention.self.query, attention.self.key, attention.self.value)
    return Layer(
        (torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])),
        _pair(attention.output.dense),
        attention.output.LayerNorm,
        _pair(layer.intermediate.dense),
        _pair(layer.output.dense),
        layer.output.LayerNorm,
    )


def _pair(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    return linear.weight, linear.bias


def _linear_gelu(states: Tensor, weights: tuple[Tensor, Tensor]) -> Tensor:
    if ONEDNN:
        fused: Tensor = torch.ops.mkldnn._linear_pointwise(states, *weights, "gelu", [], "none")
        return fused
    return functional.gelu(functional.linear(states, *weights))


def _linear_plus(states: Tensor, weights: tuple[Tensor, Tensor], added: Tensor) -> Tensor:
    if ONEDNN:
        fused: Tensor = torch.ops.mkldnn._linear_pointwise.binary(states, added, *weights, "add")
        return fused
    return functional.linear(states, *weights) + added
