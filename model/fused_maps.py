"""The linear maps of a small float32 module on a CPU, run by oneDNN in inference as fused_bert.py runs the backbone's.

PyTorch sends them to MKL, which on some processors takes twice as long, and GELU goes over its input once more. The
M-Former of the default shape over 170 items took 16.2 ms of one core's time so, 11.9 ms through oneDNN. Results
differ by rounding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.attention import FeedForward
from model.fused_bert import Map, rounded


class FusedLinear(nn.Module):
    """`linear` under the same names, with oneDNN's copy of its weight: not to be trained any more."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self._map = Map(linear.weight, linear.bias)

    def forward(self, states: Tensor) -> Tensor:
        """[..., D] -> [..., E]."""
        if not torch.is_inference_mode_enabled():
            return functional.linear(states, self.weight, self.bias)
        return self.rows(states.flatten(0, -2)).view(*states.shape[:-1], -1)

    def rows(self, rows: Tensor, gelu: bool = False) -> Tensor:
        """The map in inference, with what follows it. [M, D] -> [M, E]."""
        more = rounded(len(rows)) - len(rows)  # few shapes, few programs kept
        padded = functional.pad(rows, (0, 0, 0, more))
        return self._map(padded, "gelu" if gelu else "none")[: len(rows)]


class FusedFeedForward(nn.Module):
    """`feed_forward` under the same names, its GELU within the first product."""

    def __init__(self, feed_forward: FeedForward) -> None:
        super().__init__()
        self.inner, self.outer = FusedLinear(feed_forward.inner), FusedLinear(feed_forward.outer)

    def forward(self, states: Tensor) -> Tensor:
        """[..., D] -> [..., D]."""
        if not torch.is_inference_mode_enabled():
            outside: Tensor = self.outer(functional.gelu(self.inner(states)))
            return outside
        inner = self.inner.rows(states.flatten(0, -2), gelu=True)
        return self.outer.rows(inner).view(states.shape)


def fuse_maps(module: nn.Module) -> None:
    """Run the linear maps of a float32 module on a CPU, those with a bias, in the quickest way from now on."""
    for name, child in module.named_children():
        if isinstance(child, FeedForward):
            setattr(module, name, FusedFeedForward(child))
        elif isinstance(child, nn.Linear) and child.bias is not None:
            setattr(module, name, FusedLinear(child))
        else:
            fuse_maps(child)
