"""How much of a stretch of work is the frozen backbone's: its forward passes, and the backward passes through it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from model.backbone import Backbone


class Clock:
    """Seconds spent in the backbone since the clock was made."""

    def __init__(self) -> None:
        self.forward = 0.0
        self.backward = 0.0
        self._entered = 0.0

    @property
    def seconds(self) -> float:
        """Both directions."""
        return self.forward + self.backward

    def enter(self, gradient: Tensor) -> None:
        """The gradient of the backbone's output is known: its backward pass begins."""
        self._entered = time.perf_counter()

    def leave(self, gradient: Tensor) -> None:
        """The gradient of its input is known: its backward pass is over."""
        self.backward += time.perf_counter() - self._entered


@contextmanager
def backbone_clock() -> Iterator[Clock]:
    """Times every backbone meanwhile. On a CPU, where a call returns when its work is done."""
    clock, original = Clock(), Backbone.forward

    def forward(
        self: Backbone, embeddings: Tensor, present: Tensor, positions: Tensor, ends: Tensor | None = None
    ) -> Tensor:
        begun = time.perf_counter()
        hidden = original(self, embeddings, present, positions, ends)
        clock.forward += time.perf_counter() - begun
        if hidden.requires_grad:
            hidden.register_hook(clock.enter)
            embeddings.register_hook(clock.leave)
        return hidden

    Backbone.forward = forward  # type: ignore[method-assign]
    try:
        yield clock
    finally:
        Backbone.forward = original  # type: ignore[method-assign]
