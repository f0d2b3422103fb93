"""Transfer: a checkpoint of one data set answers for another, whose items and users it never saw.

Every item is encoded from its text alone, every user from the texts of the history. The rows of the target's own
table stand beside it.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.accuracy_bench.headline import rows_and_comparisons
from benchmarks.accuracy_bench.study import Job, Study, digest
from model.checkpoint import load_checkpoint
from training.data import leave_one_out, load_dataset
from training.evaluation_rows import ALONE, BEST, SASREC, SUM, ZERO_SHOT, Subject, TableRows
from training.finished_run import FinishedRun
from training.laser_scorers import LaserUsers
from training.ranking import RankedUsers
from training.run_ranks import FOLDER, RunRanks
from training.task_bars import TaskBars

OWN = "{name}, trained on {data}"


def jobs(study: Study, source: str, target: str) -> Iterator[Job]:
    """One row, on the first seed."""
    seed = study.seeds[0]
    recipe = digest([study.recipe(source, seed), study.recipe(target, seed)])
    yield Job(f"transfer/{source} to {target}", recipe, partial(measured, study, source, target, seed))


def measured(study: Study, source: str, target: str, seed: int) -> Mapping[str, Any]:
    """What the source's checkpoint reaches on the target, beside what is trained there."""
    moved = {
        f"{name}, from {source}": ranks for name, ranks in transferred(study, source, target, seed).items()
    }
    own = study.ranks(target, seed).ranks
    rows = moved | {
        OWN.format(name=name, data=target): own[name] for name in (SASREC, SUM, ALONE, BEST) if name in own
    }
    served = f"{BEST}, from {source}"
    served = served if served in moved else f"{ALONE}, from {source}"
    against = [f"{ZERO_SHOT}, from {source}", OWN.format(name=SASREC, data=target)]
    return rows_and_comparisons(rows, rows, [(served, name) for name in against])


def transferred(study: Study, source: str, target: str, seed: int) -> Mapping[str, RankedUsers]:
    """Ranks of the target's test users by the source's Laser, kept in the source's run."""
    run = study.run(source, seed)
    path = run / FOLDER / f"on-{target}.npz"
    if not path.is_file():
        dataset = load_dataset(study.folder(target))
        split = leave_one_out(dataset.histories)
        laser = load_checkpoint(run / "checkpoint", device=study.device)
        users = LaserUsers(laser, dataset.item_ids, laser.encode_items(dataset.items))
        bars = TaskBars(study.console)
        rows = TableRows(dataset, split, Subject(FinishedRun(run, laser, {"seed": seed}), users), None, bars)
        with bars.shown():
            rows.rank_laser(with_penalty=False)
        RunRanks(seed, dataset.data_hash, split.test.users, rows.ranks).save(path)
    return RunRanks.load(path).ranks
