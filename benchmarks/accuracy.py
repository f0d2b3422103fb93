"""Accuracy: the headline table on three seeds, and what each part of Laser is worth.

    python -m benchmarks.accuracy --data FOLDER_OF_DATA_SETS        (or: laser bench accuracy --data ...)

Trains and evaluates the default configuration on every data set and seed, then changes one thing at a time. In this
order: headline, interventions on the finished Laser, the published form, training with sentences, ablations and
sweeps, cold start, low resource, transfer. Every finished row is appended to results/accuracy.jsonl at once, and a
program that starts again goes on with the rows that are not there; runs and ranks lie in work/accuracy and are reused
too. Any other data set of the same layout can be named in --datasets; it gets its headline and is held against the
simple sum.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks._outcome import FOLDER, RESULTS, publish
from benchmarks.accuracy_bench import (
    ablations,
    cold_start,
    headline,
    instructions,
    interventions,
    low_resource,
    transfer,
)
from benchmarks.accuracy_bench.checks import MAIN, SECOND, checks
from benchmarks.accuracy_bench.store import Store
from benchmarks.accuracy_bench.study import Job, Study, data_hash
from benchmarks.accuracy_bench.tables import print_tables
from training.run_folder import git_hash

ON_MAIN = {
    "interventions": interventions.jobs,
    "faithful": headline.faithful_jobs,
    "instructions": instructions.jobs,
    "ablations": ablations.jobs,
    "cold-start": cold_start.jobs,
    "low-resource": low_resource.jobs,
}
PARTS = ("headline", *ON_MAIN, "transfer")


def jobs(study: Study, datasets: Sequence[str], parts: Sequence[str]) -> Iterator[Job]:
    """Everything to be measured, in order. All but the headline is on the data set MAIN."""
    if "headline" in parts:
        for data in datasets:
            yield from headline.jobs(study, data)
    if MAIN not in datasets:
        return
    for part, make in ON_MAIN.items():
        if part in parts:
            yield from make(study, MAIN)
    if "transfer" in parts and SECOND in datasets:
        yield from transfer.jobs(study, SECOND, MAIN)


def measure(work: Iterator[Job], store: Store, console: Console) -> None:
    """Measure what has no row yet; each row is on disk before the next begins."""
    for job in work:
        if store.get(job.key, job.recipe) is not None:
            console.print(f"{job.key}: measured earlier", highlight=False)
            continue
        console.print(f"[bold]{job.key}[/bold]", highlight=False)
        begun = time.monotonic()
        found = job.measure()
        about = {"key": job.key, "recipe": job.recipe, "commit": git_hash()}
        store.add({**about, "seconds": round(time.monotonic() - begun, 1), **found})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and write the result. Returns 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="laser bench accuracy", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder that holds the data sets")
    parser.add_argument(
        "--datasets", nargs="+", default=[MAIN, SECOND], help="which of them, the first first"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these parts")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="change a setting of every run"
    )
    parser.add_argument("--work", type=Path, default=FOLDER / "work" / "accuracy", help="where runs lie")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where rows and the result go")
    given = parser.parse_args(arguments)
    missing = [name for name in given.datasets if not (given.data / name / "dataset.json").is_file()]
    if missing:
        print(
            f"accuracy: {given.data} has no data set {', '.join(missing)}; name its folder", file=sys.stderr
        )
        return 2
    console = Console(stderr=True)
    overrides = dict(pair.split("=", 1) for pair in given.set)
    study = Study(
        given.data, given.work, tuple(given.seeds), overrides=overrides, device=given.device, console=console
    )
    store = Store(given.results / "accuracy.jsonl")
    measure(jobs(study, given.datasets, given.parts), store, console)
    found = checks(store, tuple(given.datasets))
    print_tables(store, given.datasets, found, console)
    publish(
        "accuracy",
        "laser bench accuracy --data FOLDER",
        git_hash(),
        {name: data_hash(given.data / name) for name in given.datasets},
        given.seeds,
        found,
        store.under(""),
        given.results,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
