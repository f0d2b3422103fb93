"""Progress as TensorBoard event files, written while the run goes on: `tensorboard --logdir RUN`.

    phase-1/loss, contrastive, balance, in-batch, learning-rate, expert-1 ...   a point a step
    phase-1-by-epoch/loss, validation, seconds                                  a point an epoch; 0 is the start
    fusion/validation ...                                                       stages without epochs: one point

An epoch follows from its seed and number alone, so a resumed run writes the points of the interrupted one again, with
the same values.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter

__all__ = ["EventFiles", "Scalars", "no_scalars"]

FLUSH_SECONDS = 10

# Takes a stage, a step, and the numbers of that step.
Scalars = Callable[[str, int, Mapping[str, float]], None]


def no_scalars(stage: str, step: int, values: Mapping[str, float]) -> None:
    """For whoever trains without a run folder."""


class EventFiles:
    """One process's part of a run's event files; `close` writes what is left."""

    def __init__(self, folder: Path, description: Mapping[str, Any]) -> None:
        """`description` is shown as the run's text."""
        suffix = (
            f".{time.time_ns()}"  # a file is named by the second, and another of that name would replace it
        )
        self._writer = SummaryWriter(str(folder), flush_secs=FLUSH_SECONDS, filename_suffix=suffix)
        # TensorBoard reads texts as Markdown, where four spaces make a block of code.
        lines = json.dumps(description, indent=1, sort_keys=True).splitlines()
        self._writer.add_text("run", "\n".join(f"    {line}" for line in lines))

    def step(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """The numbers of one step; those that are not finite are left out."""
        for name, value in values.items():
            if math.isfinite(value):
                self._writer.add_scalar(f"{_tag(stage)}/{_tag(name)}", value, step)

    def stage(self, stage: str, metrics: Mapping[str, float]) -> None:
        """What a stage reports when an epoch, or all of it, is done."""
        if "epoch" not in metrics:
            self.step(stage, 0, metrics)
            return
        others = {name: value for name, value in metrics.items() if name != "epoch"}
        self.step(f"{stage} by epoch", int(metrics["epoch"]) + 1, others)

    def close(self) -> None:
        """Nothing is written afterwards."""
        self._writer.close()


def _tag(name: str) -> str:
    return name.replace(" ", "-").replace("_", "-")
