"""Re-indexing: how near the encoder's own limit, and what a catalogue that has not changed costs.

    laser bench reindex_speed [--data FOLDER]

The whole job is timed, from the checkpoint on disk to the published bundle. The encoder's limit is the time of the
backbone's passes over the item prompts within it: what is lost to reading, tokenising, M-Former, hashing and writing
is what lies between. Then the same job again, which must find that there is nothing to do.
"""

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks._outcome import RESULTS, Check, publish
from benchmarks._timing import timed
from benchmarks.speed_bench.clock import backbone_clock
from benchmarks.speed_bench.table import print_outcome
from benchmarks.speed_bench.world import build, data_folder
from model.checkpoint import save_checkpoint
from training.reindex import reindex
from training.run_folder import git_hash

WARM_UP = 64  # items encoded before anything is timed


class Run(NamedTuple):
    """Seconds of one full re-index, of the backbone within it, and of the one that followed."""

    items: int
    full: float
    backbone: float
    unchanged: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0."""
    parser = argparse.ArgumentParser(
        prog="laser bench reindex_speed", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--data", type=Path, help="a data folder (default: data/scientific, else the films)")
    parser.add_argument("--repeats", type=int, default=3, help="full re-indexes; the median counts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder for the result")
    given = parser.parse_args(arguments)
    data = data_folder(given.data)
    world = build(data, given.seed)
    with tempfile.TemporaryDirectory() as temporary:
        save_checkpoint(world.laser, Path(temporary) / "run" / "checkpoint")
        world.laser.encode_items(world.dataset.items[:WARM_UP])
        runs = [measure(Path(temporary), data) for _ in range(given.repeats)]
    middle = sorted(runs, key=lambda run: run.backbone / run.full)[len(runs) // 2]
    checks = [
        Check("items_per_s_over_limit", middle.backbone / middle.full, "share", ">=", 0.85),
        Check("unchanged_over_full", middle.unchanged / middle.full, "share", "<=", 0.02),
    ]
    rows = [
        {
            "key": f"run {number}",
            "items": run.items,
            "items_per_s": round(run.items / run.full, 1),
            "limit_items_per_s": round(run.items / run.backbone, 1),
            "full_s": round(run.full, 2),
            "unchanged_s": round(run.unchanged, 3),
        }
        for number, run in enumerate(runs)
    ]
    print_outcome(checks, rows)
    command = f"laser bench reindex_speed --repeats {given.repeats} --seed {given.seed}"
    hashes = {world.dataset.info.name: world.dataset.data_hash}
    publish("reindex_speed", command, git_hash(), hashes, given.seed, checks, rows, given.out)
    return 0


def measure(folder: Path, data: Path) -> Run:
    """One re-index into an empty place, and one more; `folder` holds the run."""
    bundles = folder / "bundles"
    shutil.rmtree(bundles, ignore_errors=True)
    items = 0

    def once() -> None:
        nonlocal items
        items = reindex(folder / "run", data, bundles, console=Console(file=io.StringIO())).items

    with backbone_clock() as clock:
        full = timed(once)
    return Run(items, full, clock.seconds, timed(once))


if __name__ == "__main__":
    sys.exit(main())
