"""Re-indexing: how near the encoder's own limit, and what a catalogue that has not changed costs.

    laser bench reindex_speed [--data FOLDER] [--items N]

The whole job is timed, from the checkpoint on disk to the published bundle. The encoder's limit is the backbone alone:
the passes over the item prompts that the job makes, run again with nothing between them, in turns with the job. What
lies between the two is lost to reading, tokenising, M-Former, hashing and writing. Then the same job again, which must
find that there is nothing to do.

It is measured twice: with the data as they are, and with a catalogue of N items made from them, of other texts of the
same lengths and as many interactions an item. The checks are of the larger one. The bundled films are a thousand, and
re-indexing them takes two seconds, of which loading the model and making the bundle safe on disk are a share that
catalogues people re-index do not have. The rows show both.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks._command import data_parser, report
from benchmarks._outcome import Check
from benchmarks._timing import timed
from benchmarks.speed_bench.enlarged import write_enlarged
from benchmarks.speed_bench.passes import Pass, least_seconds, recorded_passes
from benchmarks.speed_bench.world import build, data_folder
from model.checkpoint import save_checkpoint
from training.data import hash_files
from training.reindex import reindex


class Run(NamedTuple):
    """Seconds of one full re-index, of the backbone's passes alone, and of the re-index that followed."""

    items: int
    full: float
    limit: float
    unchanged: float

    @property
    def share(self) -> float:
        """Items a second over the encoder's limit."""
        return self.limit / self.full


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0."""
    parser = data_parser("reindex_speed", __doc__)
    parser.add_argument("--items", type=int, default=10_000, help="at least so many in the larger catalogue")
    parser.add_argument("--repeats", type=int, default=3, help="full re-indexes; the median counts")
    given = parser.parse_args(arguments)
    data = data_folder(given.data)
    with tempfile.TemporaryDirectory() as temporary:
        larger = Path(temporary) / "data"
        write_enlarged(data, larger, given.items, given.seed)
        folders = {data.name: data, f"{data.name} enlarged": larger}
        hashes = {name: hash_files(folder) for name, folder in folders.items()}
        measured = {name: repeat(folder, given.repeats, given.seed) for name, folder in folders.items()}
    outcome = checks(measured[f"{data.name} enlarged"])
    table = [row for name, runs in measured.items() for row in rows(name, runs)]
    report("reindex_speed", given, ("items", "repeats"), hashes, outcome, table)
    return 0


def checks(runs: Sequence[Run]) -> list[Check]:
    """What must be reached, from the run whose share is the median."""
    middle = sorted(runs, key=lambda run: run.share)[len(runs) // 2]
    return [
        Check("items_per_s_over_limit", middle.share, "share", ">=", 0.85),
        Check("unchanged_over_full", middle.unchanged / middle.full, "share", "<=", 0.02),
    ]


def rows(name: str, runs: Sequence[Run]) -> list[dict[str, object]]:
    """One row a full re-index of a catalogue."""
    return [
        {
            "key": f"{name} {number}",
            "items": run.items,
            "items_per_s": round(run.items / run.full, 1),
            "limit_items_per_s": round(run.items / run.limit, 1),
            "share": round(run.share, 3),
            "full_s": round(run.full, 2),
            "unchanged_s": round(run.unchanged, 3),
            "unchanged_share": round(run.unchanged / run.full, 4),
        }
        for number, run in enumerate(runs, 1)
    ]


def repeat(data: Path, repeats: int, seed: int) -> list[Run]:
    """Full re-indexes of a data folder, with a checkpoint of random weights."""
    world = build(data, seed)
    with tempfile.TemporaryDirectory() as temporary:
        save_checkpoint(world.laser, Path(temporary) / "run" / "checkpoint")
        with recorded_passes() as passes:
            measure(Path(temporary), data, ())
        return [measure(Path(temporary), data, passes) for _ in range(repeats)]


def measure(folder: Path, data: Path, passes: Sequence[Pass]) -> Run:
    """One re-index into an empty place, one more, and the passes; `folder` holds the run."""
    bundles = folder / "bundles"
    shutil.rmtree(bundles, ignore_errors=True)
    items = 0

    def once() -> None:
        nonlocal items
        items = reindex(folder / "run", data, bundles, console=Console(file=io.StringIO())).items

    full, unchanged = timed(once), timed(once)
    return Run(items, full, least_seconds(passes), unchanged)


if __name__ == "__main__":
    sys.exit(main())
