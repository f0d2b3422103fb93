"""A training step: the share of its time that is the backbone's forward and backward pass.

    laser bench train_step [--data FOLDER] [--steps N]

Phase 1 runs for an epoch of N steps as it does in training, both sides moving, against the whole catalogue. What is
not the backbone's is collating, the M-Former, the losses and the optimiser.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks._command import data_parser, report
from benchmarks._outcome import Check
from benchmarks.speed_bench.clock import Clock, backbone_clock
from benchmarks.speed_bench.world import World, build, data_folder
from model.bi_tuning import BiTuning
from training.data import leave_one_out
from training.scorers import Encoding
from training.train_id_recommenders import hold_out_last
from training.train_laser import LaserTrainer

PHASE = "phase 1"
WARM_UP = 2  # first steps that do not count


class Steps:
    """Notes at the end of every step the time, and the backbone's share of it so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ends: list[tuple[float, float, float]] = []  # time, forward, backward

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage.startswith(PHASE):  # "phase 1, epoch 1"
            self.ends.append((time.perf_counter(), self._clock.forward, self._clock.backward))

    def taken(self) -> list[tuple[float, float, float]]:
        """Seconds of each step after the warm-up: all of it, forward, backward."""
        ends = self.ends[WARM_UP - 1 :]
        return [
            (after[0] - before[0], after[1] - before[1], after[2] - before[2])
            for before, after in pairwise(ends)
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0."""
    parser = data_parser("train_step", __doc__)
    parser.add_argument("--steps", type=int, default=40, help="steps that are timed")
    given = parser.parse_args(arguments)
    world = build(data_folder(given.data), given.seed)
    with backbone_clock() as clock:
        steps = Steps(clock)
        train(world, steps, given.steps + WARM_UP, given.seed)
    taken = steps.taken()
    share = statistics.median((forward + backward) / whole for whole, forward, backward in taken)
    checks = [Check("backbone_share", share, "share", ">=", 0.85)]
    names = ("whole step", "backbone forward", "backbone backward")
    rows = [
        {"key": name, "ms": round(1e3 * statistics.median(seconds), 2), "steps": len(seconds)}
        for name, seconds in zip(names, zip(*taken, strict=True), strict=True)
    ]
    hashes = {world.dataset.info.name: world.dataset.data_hash}
    report("train_step", given, ("steps",), hashes, checks, rows)
    return 0


def train(world: World, steps: Steps, count: int, seed: int) -> None:
    """An epoch of so many steps, or of as many as the data has rows for."""
    laser, split = world.laser, leave_one_out(world.dataset.histories)
    _, rows = hold_out_last(split.train)
    config = replace(
        world.config.training,
        phase1_epochs=1,
        rows_per_epoch=count * world.config.training.batch_size,
        validation_users=1,
        sentence_share=0.0,
    )

    def log(stage: str, metrics: Mapping[str, float]) -> None:
        """The figures of one epoch are not what is measured here."""

    torch.manual_seed(seed)
    widths = [laser.collaborative.state_widths[name] for name in laser.config.sources]
    side = BiTuning(laser.config, widths, laser.backbone.width)
    side.start(laser.backbone)
    encoding = Encoding(laser.text, world.items, laser.collaborative)
    trainer = LaserTrainer(encoding, rows, split.valid, config, seed, log, steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer.phase1(side, Path(folder) / "state")


if __name__ == "__main__":
    sys.exit(main())
