"""The backbone alone: the passes that a piece of work made, run again with nothing between them.

How quick they can be on this machine is the limit of that work. They are run both ways that there are, one after the
other with all cores and side by side with a core each, and the quicker counts.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks._timing import timed
from model.backbone import Backbone


class Pass(NamedTuple):
    """One call of a backbone."""

    backbone: Backbone
    embeddings: Tensor
    present: Tensor
    positions: Tensor
    ends: Tensor | None

    def again(self) -> None:
        """As it was called."""
        with torch.inference_mode():
            self.backbone(self.embeddings, self.present, self.positions, self.ends)


@contextmanager
def recorded_passes() -> Iterator[list[Pass]]:
    """Keeps the inputs of every pass made meanwhile, on any thread."""
    passes: list[Pass] = []
    original = Backbone.forward

    def forward(
        self: Backbone, embeddings: Tensor, present: Tensor, positions: Tensor, ends: Tensor | None = None
    ) -> Tensor:
        passes.append(Pass(self, embeddings, present, positions, ends))
        return original(self, embeddings, present, positions, ends)

    Backbone.forward = forward  # type: ignore[method-assign]
    try:
        yield passes
    finally:
        Backbone.forward = original  # type: ignore[method-assign]


def least_seconds(passes: Sequence[Pass]) -> float:
    """Seconds in which this machine can run the passes."""
    cores = torch.get_num_threads()

    def one_after_another() -> None:
        for each in passes:
            each.again()

    def side_by_side() -> None:
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(Pass.again, passes))

    try:
        return min(timed(one_after_another), timed(side_by_side))
    finally:
        torch.set_num_threads(cores)
