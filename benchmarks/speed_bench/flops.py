"""The arithmetic a transformer needs, and what this machine can do of it."""

import statistics
from collections.abc import Sequence

import torch

from benchmarks._timing import timed
from model.backbone import Backbone

SQUARE = 2048  # of the matrices that are multiplied to find the rate


def useful_flops(backbone: Backbone, lengths: Sequence[int]) -> float:
    """Floating-point operations that one state each of texts of so many tokens needs.

    Only matrix products count: 2 for each weight and token, and those of attention. Padding does not count, nor what
    the last layer would compute for the other tokens: of it they need keys and values alone.
    """
    shape = backbone.model.config
    width, inner, layers = shape.hidden_size, shape.intermediate_size, shape.num_hidden_layers
    keys_values, rest = 2 * width * width, 2 * width * width + 2 * width * inner  # weights
    flops = 0.0
    for tokens in lengths:
        of_one = 2 * rest + 4 * tokens * width  # of one token: queries, output, feed-forward; attention
        of_all = 2 * keys_values * tokens
        flops += (layers - 1) * (of_all + tokens * of_one) + of_all + of_one
    return flops


def matrix_product(dtype: torch.dtype) -> float:
    """Seconds of one square product of SQUARE in `dtype`, without setting it up: the best of three."""
    left, right = torch.randn(2, SQUARE, SQUARE).to(dtype)
    return min(timed(lambda: left @ right) for _ in range(3))


def rate(seconds: Sequence[float]) -> float:
    """FLOP/s of `matrix_product`s that took so long, the median."""
    return 2.0 * SQUARE**3 / statistics.median(seconds)
