"""The arithmetic a transformer needs, and what this machine can do of it."""

import statistics
from collections.abc import Sequence

import torch

from benchmarks._timing import timed
from model.backbone import Backbone

SQUARE = 2048  # of the matrices that are multiplied to find the rate


def useful_flops(backbone: Backbone, lengths: Sequence[int]) -> float:
    """Floating-point operations of one pass over texts of so many tokens, padding not counted.

    Only matrix products count: 2 for each weight and token, and 4 T^2 D for the scores and the mixing of attention.
    """
    shape = backbone.model.config
    width, inner, layers = shape.hidden_size, shape.intermediate_size, shape.num_hidden_layers
    weights = 4 * width * width + 2 * width * inner
    return float(sum(layers * (2 * weights * tokens + 4 * tokens * tokens * width) for tokens in lengths))


def matrix_product(dtype: torch.dtype) -> float:
    """Seconds of one square product of SQUARE in `dtype`, without setting it up: the best of three."""
    left, right = torch.randn(2, SQUARE, SQUARE).to(dtype)
    return min(timed(lambda: left @ right) for _ in range(3))


def rate(seconds: Sequence[float]) -> float:
    """FLOP/s of `matrix_product`s that took so long, the median."""
    return 2.0 * SQUARE**3 / statistics.median(seconds)
